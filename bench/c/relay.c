/* The kernel's floor: a relay that does nothing but receive and send. What any proxy costs beyond this is its own.
 *
 *     relay LISTEN_PORT DEVICE_PORT        (both on 127.0.0.1)
 */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 512 };

typedef struct Side Side;

/* One socket of a pair. What it received and its twin could not take yet stays in `held`. */
struct Side {
    int fd;
    bool closed;
    bool waits; /* `held` is not empty: this side is not read, the twin is watched for writing */
    size_t held;
    Side *twin;
    Side *next_dead;
    uint8_t buffer[BUFFER];
};

static int poll_fd;
static Side *dead; /* freed after the batch of events that may still name them */

static void interest(Side *side) {
    if (!side->closed) {
        uint32_t events = (side->waits ? 0U : (uint32_t)EPOLLIN) | (side->twin->waits ? (uint32_t)EPOLLOUT : 0U);
        watch(poll_fd, side->fd, events, (uint64_t)(uintptr_t)side, false);
    }
}

static void end(Side *side) {
    Side *both[] = {side, side->twin};
    for (int index = 0; index < 2; index++) {
        if (!both[index]->closed) {
            both[index]->closed = true;
            close(both[index]->fd);
            both[index]->next_dead = dead;
            dead = both[index];
        }
    }
}

static void push(Side *from) {
    Side *to = from->twin;
    ssize_t sent = send(to->fd, from->buffer, from->held, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) {
        end(from);
        return;
    }
    if (sent > 0) {
        from->held -= (size_t)sent;
        memmove(from->buffer, from->buffer + sent, from->held);
    }
    bool waits = from->held > 0;
    if (waits != from->waits) {
        from->waits = waits;
        interest(from);
        interest(to);
    }
}

static void pull(Side *side) {
    ssize_t got = recv(side->fd, side->buffer + side->held, BUFFER - side->held, 0);
    if (got > 0) {
        side->held += (size_t)got;
        push(side);
    } else if (got == 0 || errno != EAGAIN) {
        end(side);
    }
}

static Side *side_of(int fd) {
    Side *side = calloc(1, sizeof *side);
    if (side == NULL) {
        fail("calloc");
    }
    side->fd = fd;
    return side;
}

static void accept_all(int listener, int device_port) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int device = connect_to("127.0.0.1", device_port);
        if (device < 0) {
            close(fd);
            continue;
        }
        Side *client = side_of(fd);
        Side *upstream = side_of(device);
        client->twin = upstream;
        upstream->twin = client;
        watch(poll_fd, client->fd, EPOLLIN, (uint64_t)(uintptr_t)client, true);
        watch(poll_fd, upstream->fd, EPOLLIN, (uint64_t)(uintptr_t)upstream, true);
    }
}

static void bury(void) {
    while (dead != NULL) {
        Side *next = dead->next_dead;
        free(dead);
        dead = next;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        usage("relay LISTEN_PORT DEVICE_PORT\n");
    }
    int listener = listen_on("127.0.0.1", (int)number(argv[1], 1, 65535, "LISTEN_PORT"));
    int device_port = (int)number(argv[2], 1, 65535, "DEVICE_PORT");
    struct epoll_event events[EVENTS];
    raise_descriptor_limit();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(poll_fd, listener, EPOLLIN, 0, true);
    for (;;) {
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int at = 0; at < count; at++) {
            Side *side = (Side *)(uintptr_t)events[at].data.u64;
            if (side == NULL) {
                accept_all(listener, device_port);
            } else if (!side->closed && events[at].events & EPOLLOUT) {
                push(side->twin);
            } else if (!side->closed) {
                pull(side);
            }
        }
        bury();
    }
}
