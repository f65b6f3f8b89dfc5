/*
 * Clients that reconnect without pause: reconnecting_clients SOCKET DATABASE ROLE CLIENTS
 *
 * Each logs in again the moment it is refused or ended, and stays as long as it may. One light process, and no libpq, so
 * that the machine is left to the server. A line of standard input is a command, answered by one line:
 *
 *   start     the clients begin to log in: "ready" when all are inside
 *   rest      from now on who is ended stays away: "ready"
 *   stop      they give up: "ready"
 *   count     "INSIDE ENTRIES": how many are inside, and how often anybody came in since the last count
 *
 * Ends with its input.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What the server sends at the end of a login that succeeded: ReadyForQuery, idle. */
static const char ready_for_query[] = {'Z', 0, 0, 0, 5, 'I'};

enum { tail_size = sizeof ready_for_query };

struct client
{
	char tail[tail_size]; /* the last bytes received */
	int is_inside;
};

static struct sockaddr_un address;
static char startup[512];
static size_t startup_size;
static int client_count;
static struct client *clients;
static struct pollfd *polled; /* standard input, then the clients */
static int are_reconnecting;
static int is_waiting_for_all;
static long inside;
static long entries;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void allow_many_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void add_text(const char *text)
{
	size_t size = strlen(text) + 1;

	if (startup_size + size > sizeof startup - 1)
	{
		fprintf(stderr, "names are too long\n");
		exit(2);
	}
	memcpy(startup + startup_size, text, size);
	startup_size += size;
}

static void put_number(char *target, uint32_t number)
{
	for (int i = 3; i >= 0; i--, number >>= 8)
		target[i] = (char) (number & 255);
}

/* The StartupMessage of protocol 3.0. */
static void write_startup(const char *database, const char *role)
{
	startup_size = 8;
	add_text("user");
	add_text(role);
	add_text("database");
	add_text(database);
	add_text("application_name");
	add_text("reconnecting client");
	startup[startup_size++] = '\0';
	put_number(startup, (uint32_t) startup_size);
	put_number(startup + 4, 3 << 16);
}

static void leave(int i)
{
	if (polled[i + 1].fd >= 0)
		close(polled[i + 1].fd);
	polled[i + 1].fd = -1;
	if (clients[i].is_inside)
		inside--;
	memset(&clients[i], 0, sizeof clients[i]);
}

static void log_in(int i)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	/* The server's queue may be full, for an instant: then it waits. */
	if (connect(fd, (struct sockaddr *) &address, sizeof address) != 0 ||
		send(fd, startup, startup_size, MSG_NOSIGNAL) != (ssize_t) startup_size)
	{
		close(fd);
		return; /* again at the next turn */
	}
	polled[i + 1].fd = fd;
}

static void keep_tail(struct client *client, const char *bytes, size_t size)
{
	if (size >= tail_size)
	{
		memcpy(client->tail, bytes + size - tail_size, tail_size);
		return;
	}
	memmove(client->tail, client->tail + size, tail_size - size);
	memcpy(client->tail + tail_size - size, bytes, size);
}

static void listen_to(int i)
{
	char bytes[8192];
	ssize_t size = recv(polled[i + 1].fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
	{
		leave(i);
		return;
	}
	keep_tail(&clients[i], bytes, (size_t) size);
	if (!clients[i].is_inside && memcmp(clients[i].tail, ready_for_query, tail_size) == 0)
	{
		clients[i].is_inside = 1;
		inside++;
		entries++;
	}
}

static void answer(const char *line)
{
	puts(line);
	fflush(stdout);
}

static void obey(void)
{
	char line[32];
	char counts[64];

	if (fgets(line, sizeof line, stdin) == NULL)
		exit(0);
	if (strcmp(line, "start\n") == 0)
		are_reconnecting = is_waiting_for_all = 1;
	else if (strcmp(line, "rest\n") == 0)
	{
		are_reconnecting = 0;
		answer("ready");
	}
	else if (strcmp(line, "stop\n") == 0)
	{
		are_reconnecting = 0;
		for (int i = 0; i < client_count; i++)
			leave(i);
		answer("ready");
	}
	else
	{
		snprintf(counts, sizeof counts, "%ld %ld", inside, entries);
		entries = 0;
		answer(counts);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
	{
		fprintf(stderr, "usage: %s SOCKET DATABASE ROLE CLIENTS\n", argv[0]);
		return 2;
	}
	allow_many_descriptors();
	address.sun_family = AF_UNIX;
	if (strlen(argv[1]) >= sizeof address.sun_path)
	{
		fprintf(stderr, "%s is too long\n", argv[1]);
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	write_startup(argv[2], argv[3]);
	client_count = atoi(argv[4]);
	clients = calloc((size_t) client_count + 1, sizeof *clients);
	polled = calloc((size_t) client_count + 1, sizeof *polled);
	if (clients == NULL || polled == NULL)
		fail("calloc");
	polled[0].fd = STDIN_FILENO;
	for (int i = 0; i <= client_count; i++)
		polled[i].events = POLLIN;
	for (int i = 1; i <= client_count; i++)
		polled[i].fd = -1;
	for (;;)
	{
		int are_all_connected = 1;

		for (int i = 0; are_reconnecting && i < client_count; i++)
		{
			if (polled[i + 1].fd < 0)
				log_in(i);
			are_all_connected &= polled[i + 1].fd >= 0;
		}
		if (is_waiting_for_all && inside == client_count)
		{
			is_waiting_for_all = 0;
			answer("ready");
		}
		if (poll(polled, (nfds_t) client_count + 1, are_all_connected ? -1 : 10) < 0 && errno != EINTR)
			fail("poll");
		for (int i = 0; i < client_count; i++)
			if (polled[i + 1].fd >= 0 && polled[i + 1].revents != 0)
				listen_to(i);
		if (polled[0].revents != 0)
			obey();
	}
}
