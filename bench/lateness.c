/*
 * How late are sessions ended that are idle in a transaction? lateness CONNINFO SESSIONS SECONDS LIMIT_MS
 *
 * Opens all sessions, then lets each begin a transaction, one after the other, evenly over so many seconds, and sit. A
 * session's deadline is LIMIT_MS after its last answer came. Prints how long after its deadline each connection was
 * closed, in milliseconds, one a line.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct session
{
	PGconn *connection;
	double began; /* when its transaction was sent; 0: not yet */
	double idle;  /* when the answer was complete */
	double gone;
};

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what, PGconn *connection)
{
	fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
	exit(1);
}

static void begin(struct session *session)
{
	if (!PQsendQuery(session->connection, "BEGIN; SELECT 1"))
		fail("cannot begin", session->connection);
	session->began = now_ms();
}

/* Something came, or the connection is closed. */
static void receive(struct session *session)
{
	PGresult *result;

	if (!PQconsumeInput(session->connection))
	{
		session->gone = now_ms();
		return;
	}
	if (session->idle == 0 && !PQisBusy(session->connection))
	{
		while (!PQisBusy(session->connection) && (result = PQgetResult(session->connection)) != NULL)
			PQclear(result);
		if (PQtransactionStatus(session->connection) == PQTRANS_INTRANS)
			session->idle = now_ms();
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct session *sessions;
	struct pollfd *polls;
	int count, ended = 0, begun = 0;
	double start, every, limit;

	if (argc != 5)
	{
		fprintf(stderr, "usage: %s CONNINFO SESSIONS SECONDS LIMIT_MS\n", argv[0]);
		return 2;
	}
	count = atoi(argv[2]);
	every = atof(argv[3]) * 1000 / count;
	limit = atof(argv[4]);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
	{
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sessions = calloc(count, sizeof *sessions);
	polls = calloc(count, sizeof *polls);
	for (int i = 0; i < count; i++)
	{
		sessions[i].connection = PQconnectdb(argv[1]);
		if (PQstatus(sessions[i].connection) != CONNECTION_OK)
			fail("cannot connect", sessions[i].connection);
		polls[i].fd = PQsocket(sessions[i].connection);
		polls[i].events = POLLIN;
	}

	start = now_ms();
	while (ended < count)
	{
		double wait = begun < count ? start + begun * every - now_ms() : 1000;

		if (poll(polls, count, wait > 0 ? (int) wait + 1 : 0) < 0)
			return 1;
		while (begun < count && now_ms() >= start + begun * every)
			begin(&sessions[begun++]);
		for (int i = 0; i < count; i++)
		{
			if (polls[i].revents == 0)
				continue;
			receive(&sessions[i]);
			if (sessions[i].gone != 0)
			{
				polls[i].fd = -1;
				ended++;
				printf("%.3f\n", sessions[i].gone - sessions[i].idle - limit);
			}
		}
	}
	return 0;
}
