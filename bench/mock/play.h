/* play: walks a connection through the script of its answer. */
#ifndef MOCK_PLAY_H
#define MOCK_PLAY_H

struct conn;
struct due;
struct step;

void play_init(struct conn *conn);
void play_done(struct conn *conn);

/* Starts `steps`, after the latency that the knobs give. */
void play_start(struct conn *conn, const struct step *steps);

/* What it waited for by the clock has come. */
void play_due(struct due *due);

/* Lets it go on in the next turn of the loop, if it stands at STEP_HOLD. */
void play_release(struct conn *conn);

/* The same at STEP_AWAIT, if what it waits for has come to be. */
void play_look_again(struct conn *conn);

/* Plays until something has to be waited for or the script is over; then conn->state is no longer
 * CONN_PLAYING. */
void play_run(struct conn *conn);

#endif
