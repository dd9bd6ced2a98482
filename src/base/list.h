/* list: a doubly linked ring that lives inside the things it links. A head is a link whose
 * neighbours are itself; an unlinked link is all zero or its own neighbour. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

/* The struct that holds `link` as `member`. */
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

void list_init(struct list *link);
bool list_empty(const struct list *head);
bool list_linked(const struct list *link);
void list_append(struct list *head, struct list *link);
void list_prepend(struct list *head, struct list *link);
void list_remove(struct list *link);                    /* unlinked is fine */
struct list *list_take_first(struct list *head);        /* NULL when empty */
void list_move_all(struct list *to, struct list *from); /* `to` is empty before, `from` after */

#endif
