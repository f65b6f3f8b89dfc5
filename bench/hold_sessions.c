/*
 * Holds many sessions idle in a transaction, in one light process: hold_sessions CONNINFO [STATEMENT]
 *
 * With a statement each sends it, one after the other, and nobody waits for its end.
 *
 * Each line of standard input is a number: the sessions held so far, dead or alive, are given up, so many are opened,
 * and "ready" is printed. Ends with its input.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void allow_many_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static PGconn *begin_session(const char *conninfo, const char *statement)
{
	PGconn *session = PQconnectdb(conninfo);
	PGresult *result = PQexec(session, "BEGIN; SELECT 1");

	if (PQresultStatus(result) != PGRES_TUPLES_OK || (statement != NULL && !PQsendQuery(session, statement)))
	{
		fprintf(stderr, "%s", PQerrorMessage(session));
		exit(1);
	}
	PQclear(result);
	return session;
}

int main(int argc, char **argv)
{
	char line[32];
	PGconn **sessions = NULL;
	int held = 0;

	if (argc != 2 && argc != 3)
	{
		fprintf(stderr, "usage: %s CONNINFO [STATEMENT]\n", argv[0]);
		return 2;
	}
	allow_many_descriptors();
	while (fgets(line, sizeof line, stdin))
	{
		int wanted = atoi(line);

		while (held > 0)
			PQfinish(sessions[--held]);
		sessions = realloc(sessions, (wanted + 1) * sizeof *sessions);
		if (sessions == NULL)
			return 1;
		while (held < wanted)
			sessions[held++] = begin_session(argv[1], argv[2]);
		puts("ready");
		fflush(stdout);
	}
	return 0;
}
