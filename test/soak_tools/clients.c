/*
 * Many clients in one light process: clients CONNINFO COUNT LIMIT_MS SECONDS
 *
 * Each begins a transaction, waits a random time around the limit, and goes on or not. After SECONDS nobody begins
 * anything any more. The book, on standard output, times in microseconds since 1970:
 *
 *   ended NAME LOW HIGH SEEN             the session was ended while its client did nothing
 *   answered NAME LOW HIGH SENT          a statement sent after the wait was answered
 *   refused NAME LOW HIGH SENT SEEN      it was not, or the next transaction did not begin: the session was ended
 *   stuck NAME LOW HIGH NOW              far over the limit and still there
 *   failed NAME: WHY                     could not connect, or not begin its first transaction
 *
 * The session became idle between LOW, which the server told in its last statement, and HIGH, when the answer was here.
 * NAME is its application_name, another one for each session.
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define PATIENCE (60 * SECOND) /* over the limit: no lateness, but a session that is not ended at all */

#define SAY_WHEN "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

static const char *const begin = "BEGIN; " SAY_WHEN;

/* What a client does when its time has come. */
static const char *const deeds[] = {
	"COMMIT", "COMMIT", "ROLLBACK", SAY_WHEN, SAY_WHEN "; SELECT 1 / 0", NULL /* nothing at all */
};
#define DEEDS (sizeof deeds / sizeof *deeds)

enum state { WAITING, CONNECTING, BEGINNING, IDLE, ASKING, OVER };

struct client
{
	PGconn *conn;
	enum state state;
	short events;	   /* what poll() looks for */
	int64_t due;	   /* when it does something by itself */
	const char *deed;
	int64_t low, high; /* when the session became idle in its transaction; 0: not yet */
	int64_t sent;	   /* of the last deed */
	int64_t told;	   /* of the statement under way: what the server said of its time */
	int number, sessions;
	char name[32];
};

static const char *conninfo;
static int64_t limit, end;
static struct client *clients;
static struct pollfd *polled;
static int count;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * SECOND + time.tv_nsec / 1000;
}

/* --- chance */

static int64_t between(int64_t low, int64_t high)
{
	return low + (int64_t) (drand48() * (double) (high - low));
}

/* Half of them somewhere around the limit, half of them as close to it as a race is. */
static int64_t random_wait(void)
{
	return drand48() < 0.5 ? between(limit / 2, limit * 3 / 2) : between(limit - 5 * MS, limit + 5 * MS);
}

/* --- the book */

static void note(const struct client *client, const char *what, int64_t time)
{
	printf("%s %s %lld %lld %lld\n", what, client->name, (long long) client->low, (long long) client->high,
		   (long long) time);
}

/* --- a client's life */

static void come_again(struct client *client, int64_t when)
{
	if (client->conn != NULL)
		PQfinish(client->conn);
	client->conn = NULL;
	client->state = when < end ? WAITING : OVER;
	client->events = 0;
	client->due = when;
}

static void fail(struct client *client)
{
	printf("failed %s: %s", client->name, client->conn ? PQerrorMessage(client->conn) : "out of memory\n");
	come_again(client, now() + SECOND);
}

static void ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

static void go_connect(struct client *client)
{
	char words[1024];

	snprintf(client->name, sizeof client->name, "c%d.%d", client->number, ++client->sessions);
	snprintf(words, sizeof words, "%s application_name=%s", conninfo, client->name);
	client->conn = PQconnectStart(words);
	client->state = CONNECTING;
	client->events = POLLOUT;
	client->due = INT64_MAX;
	client->low = 0;
	if (client->conn == NULL || PQstatus(client->conn) == CONNECTION_BAD)
		fail(client);
	else
		PQsetNoticeProcessor(client->conn, ignore_notice, NULL);
}

/* False where the session is gone. Statements are short: one that does not fit into the socket at once is a failure. */
static bool ask(struct client *client, const char *statement, enum state state)
{
	bool is_sent;

	client->told = now(); /* unless the server tells better */
	is_sent = PQsendQuery(client->conn, statement) && PQflush(client->conn) == 0;
	if (state == ASKING)
		client->sent = now();
	client->state = state;
	client->events = POLLIN;
	client->due = INT64_MAX;
	return is_sent;
}

static void refused(struct client *client)
{
	if (client->low == 0)
	{
		fail(client);
		return;
	}
	printf("refused %s %lld %lld %lld %lld\n", client->name, (long long) client->low, (long long) client->high,
		   (long long) client->sent, (long long) now());
	come_again(client, now());
}

static void go_begin(struct client *client)
{
	if (now() >= end)
		come_again(client, end);
	else if (!ask(client, begin, BEGINNING))
		refused(client);
}

static void go_idle(struct client *client)
{
	client->low = client->told;
	client->high = now();
	client->deed = deeds[lrand48() % DEEDS];
	client->due = client->deed ? client->low + random_wait() : client->low + limit + PATIENCE;
	client->state = IDLE;
}

static void do_deed(struct client *client)
{
	if (client->deed == NULL)
	{
		note(client, "stuck", now());
		come_again(client, now());
	}
	else if (!ask(client, client->deed, ASKING))
		refused(client);
}

/* What is there of the answer; true when that is all. */
static bool take_answer(struct client *client)
{
	PGresult *result;

	while (!PQisBusy(client->conn))
	{
		if ((result = PQgetResult(client->conn)) == NULL)
			return true;
		if (PQresultStatus(result) == PGRES_TUPLES_OK)
			client->told = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		PQclear(result);
	}
	return false;
}

static void read_connecting(struct client *client)
{
	switch (PQconnectPoll(client->conn))
	{
		case PGRES_POLLING_READING:
			client->events = POLLIN;
			break;
		case PGRES_POLLING_WRITING:
			client->events = POLLOUT;
			break;
		case PGRES_POLLING_OK:
			PQsetnonblocking(client->conn, 1);
			go_begin(client);
			break;
		default:
			fail(client);
	}
}

static void read_answer(struct client *client)
{
	if (!PQconsumeInput(client->conn) || PQstatus(client->conn) == CONNECTION_BAD)
	{
		refused(client);
		return;
	}
	if (!take_answer(client))
		return;
	if (client->state == ASKING)
		note(client, "answered", client->sent);
	if (PQtransactionStatus(client->conn) == PQTRANS_IDLE)
		go_begin(client);
	else
		go_idle(client);
}

static void read_end(struct client *client)
{
	if (PQconsumeInput(client->conn) && PQstatus(client->conn) == CONNECTION_OK)
		return; /* its last words; the end of the connection follows */
	note(client, "ended", now());
	come_again(client, now());
}

static void attend(struct client *client, bool is_ready)
{
	switch (client->state)
	{
		case WAITING:
			if (client->due <= now())
				go_connect(client);
			break;
		case CONNECTING:
			if (is_ready)
				read_connecting(client);
			break;
		case BEGINNING:
		case ASKING:
			if (is_ready)
				read_answer(client);
			break;
		case IDLE:
			if (is_ready)
				read_end(client);
			else if (client->due <= now())
				do_deed(client);
			break;
		case OVER:
			break;
	}
}

/* Waits until something is to be read or somebody is due; false when all are done. */
static bool wait_for_all(void)
{
	int64_t next = INT64_MAX;
	bool is_anybody_left = false;
	struct timespec wait;

	for (int i = 0; i < count; i++)
	{
		polled[i].fd = clients[i].events != 0 ? PQsocket(clients[i].conn) : -1;
		polled[i].events = clients[i].events;
		polled[i].revents = 0;
		if (clients[i].state == OVER)
			continue;
		is_anybody_left = true;
		if (clients[i].due < next)
			next = clients[i].due;
	}
	next = next == INT64_MAX ? SECOND : next - now();
	if (next < 0)
		next = 0;
	wait.tv_sec = next / SECOND;
	wait.tv_nsec = next % SECOND * 1000;
	if (is_anybody_left && ppoll(polled, (nfds_t) count, &wait, NULL) < 0 && errno != EINTR)
		exit(1);
	return is_anybody_left;
}

int main(int argc, char **argv)
{
	if (argc != 5)
	{
		fprintf(stderr, "usage: %s CONNINFO COUNT LIMIT_MS SECONDS\n", argv[0]);
		return 2;
	}
	conninfo = argv[1];
	count = atoi(argv[2]);
	limit = atoll(argv[3]) * MS;
	end = now() + atoll(argv[4]) * SECOND;
	srand48(now());
	clients = calloc(count, sizeof *clients);
	polled = calloc(count, sizeof *polled);
	if (clients == NULL || polled == NULL)
		return 1;
	for (int i = 0; i < count; i++)
	{
		clients[i].number = i + 1;
		come_again(&clients[i], now() + between(0, 2 * limit));
	}
	while (wait_for_all())
		for (int i = 0; i < count; i++)
			attend(&clients[i], polled[i].revents != 0);
	return fflush(stdout) != 0;
}
