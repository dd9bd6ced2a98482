#include "target.h"

#include <netdb.h>
#include <string.h>

enum { PORT_TEXT_SIZE = 6 };

static bool copy(char *to, size_t room, struct span from)
{
    if (from.size >= room)
        return false;
    if (from.size)
        memcpy(to, from.at, from.size);
    to[from.size] = '\0';
    return true;
}

/* Where "HOST:PORT" or "[HOST]:PORT" has its colon, or its size when there is none. */
static size_t port_colon(struct span authority)
{
    size_t at = authority.size;

    while (at > 0 && authority.at[at - 1] >= '0' && authority.at[at - 1] <= '9')
        at--;
    return at > 0 && authority.at[at - 1] == ':' ? at - 1 : authority.size;
}

static bool resolve(struct target *target, struct span authority)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    size_t colon = port_colon(authority);
    struct span host = span_first(authority, colon);
    struct span port = span_skip(authority, colon + 1);
    char host_text[TARGET_TEXT_SIZE];
    char port_text[PORT_TEXT_SIZE];

    if (host.size > 1 && host.at[0] == '[')
        host = span_first(span_skip(host, 1), host.size - 2);
    if (!port.size)
        port = target->tls ? SPAN_OF("443") : SPAN_OF("80");
    if (!copy(host_text, sizeof(host_text), host) || !copy(port_text, sizeof(port_text), port))
        return false;
    if (getaddrinfo(host_text, port_text, &wanted, &found))
        return false;
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

bool target_read(struct target *target, const char *text, const char **ret_why)
{
    static const char *const prefixes[] = { "http://", "https://" };
    struct span rest = span_from(text);
    bool tls = span_find_text(rest, prefixes[0]) == SIZE_MAX;
    size_t scheme = span_find_text(rest, prefixes[tls]);
    struct span name =
        scheme && scheme < rest.size ? span_first(rest, scheme - 1) : SPAN_OF("URL");
    struct span authority;

    *target = (struct target){ .tls = tls };
    *ret_why = "[NAME=]http[s]://HOST[:PORT][/PATH] is wanted";
    if (scheme >= rest.size || (scheme && rest.at[scheme - 1] != '='))
        return false;
    rest = span_skip(rest, scheme + strlen(prefixes[tls]));
    authority = span_first(rest, span_find(rest, '/'));
    rest = span_skip(rest, authority.size);
    if (!authority.size || !copy(target->name, sizeof(target->name), name) ||
        !copy(target->host, sizeof(target->host), authority) ||
        !copy(target->path, sizeof(target->path), rest))
        return false;
    *ret_why = "this host has no address";
    return resolve(target, authority);
}

bool target_read_pids(struct target *target, struct span pids)
{
    while (pids.size) {
        uint64_t pid;

        if (target->pid_count == TARGET_PIDS_MAX || !span_u64(span_cut(&pids, ','), &pid) ||
            pid == 0 || pid > INT32_MAX)
            return false;
        target->pids[target->pid_count++] = (pid_t)pid;
    }
    return target->pid_count > 0;
}
