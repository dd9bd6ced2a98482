/* server: where connections come from. */
#ifndef MOCK_SERVER_H
#define MOCK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct mock;

/* Sets up loop and state; the fields that main() fills from the command line are kept. */
void server_init(struct mock *mock);

/* Listens on mock->address, gives the port; false when it cannot. */
bool server_listen(struct mock *mock, uint16_t *ret_port);

/* Serves until SIGTERM, SIGINT or server_stop(), then frees what server_init() made. */
void server_run(struct mock *mock);

/* Closes everything, so that server_run() returns. */
void server_stop(struct mock *mock);

/* Refuses connections from now on, for `after_ms`; 0: until server_accept(). Those that are open
 * stay. */
void server_refuse(struct mock *mock, uint64_t after_ms);
void server_accept(struct mock *mock);

/* Gives a port where connecting never ends: nobody accepts, and the queue is full. */
uint16_t server_blackhole(struct mock *mock);

#endif
