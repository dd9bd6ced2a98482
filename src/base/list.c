#include "base/list.h"

#include <assert.h>

void list_init(struct list *link)
{
    link->next = link;
    link->previous = link;
}

bool list_empty(const struct list *head)
{
    return head->next == head;
}

bool list_linked(const struct list *link)
{
    return link->next != NULL && link->next != link;
}

void list_append(struct list *head, struct list *link)
{
    assert(!list_linked(link));
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

void list_prepend(struct list *head, struct list *link)
{
    list_append(head->next, link); /* a ring: before what is first now */
}

void list_remove(struct list *link)
{
    if (!list_linked(link))
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

struct list *list_take_first(struct list *head)
{
    struct list *link = head->next;

    if (link == head)
        return NULL;
    list_remove(link);
    return link;
}

void list_move_all(struct list *to, struct list *from)
{
    assert(list_empty(to));
    if (list_empty(from))
        return;
    to->next = from->next;
    to->previous = from->previous;
    to->next->previous = to;
    to->previous->next = to;
    list_init(from);
}
