# Sessions to be drained, on a server with the library preloaded and on one without.
package DrainTest;

use strict;
use warnings;

use Exporter 'import';
use RawSession;
use SessionctlTest;
use Test::More;

our @EXPORT = qw($node $admin $drainer $is_preloaded $version $ended
  victim call begin_drain wait_for_state wait_for_lock done answer run raw is_ended fresh drain_tests);

our ($node, $admin, $drainer, $is_preloaded, $version);
our $ended = qr/^FATAL:  terminating connection due to administrator command$/m;

sub victim
{
	my (%with) = @_;
	return SessionctlTest::Session->new($node, user => 'app', app => 'victim', %with);
}

sub call
{
	my (%with) = @_;
	my $options = join '', map { ", $_ => $with{$_}" } sort keys %with;
	return qq{SELECT sessionctl.drain_where(\$\$application_name IN ('victim', 'raw')\$\$$options)};
}

# Everybody is asked before the first is ended: when an idle session is gone, all others have been asked.
sub begin_drain
{
	my (%with) = @_;
	my $by = delete $with{by} || $drainer;
	my $idle = victim();
	$by->send(call(%with));
	wait_for('an idle session to go', sub { !is_running($idle->pid) });
	return $idle->quit;
}

sub wait_for_state
{
	my ($session, $state) = @_;
	return wait_for("$state", sub {
		$admin->run('SELECT state FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq $state;
	});
}

sub wait_for_lock
{
	my ($session) = @_;
	return wait_for('a lock to be waited for', sub {
		$admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq 't';
	});
}

sub done { return $admin->run('SELECT count(*) FROM done') }

sub answer { my ($session) = @_; return $session->without_end_messages($session->answer) }
sub run { my ($session, $sql) = @_; return $session->without_end_messages($session->run($sql)) }

# It has ended, and its client was given no other reason.
sub is_ended
{
	my ($session, $what) = @_;
	wait_for("$what to end", sub { !is_running($session->pid) });
	like($session->end_messages, $ended, "$what has ended");
	return $session->quit;
}

sub fresh { return $admin->run('TRUNCATE done') }

sub raw { return RawSession->new($node, user => 'app', @_) }

# Commits after each step; waits for a lock in the middle.
sub create_procedure
{
	$admin->run(q{CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$BEGIN
		FOR i IN 1..10 LOOP
			IF i = 5 THEN PERFORM pg_advisory_lock_shared(4711); END IF;
			INSERT INTO done VALUES (i);
			IF i % 3 = 0 THEN BEGIN PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; END IF;
			COMMIT;
		END LOOP;
		INSERT INTO done VALUES (11);
	END$$});
	return;
}

# Runs tests, each after its name, on a server with the library preloaded, then on one without.
sub drain_tests
{
	my @all = @_;
	for my $preloaded (1, 0)
	{
		my @tests = @all;
		$is_preloaded = $preloaded;
		my $name = $preloaded ? 'preloaded' : 'not preloaded';
		$node = new_server($preloaded ? 'drain_preloaded' : 'drain',
			init => { allows_streaming => 'logical' },
			conf => "listen_addresses = '127.0.0.1'\nmax_prepared_transactions = 2\nautovacuum = off\nsynchronous_standby_names = 'nobody'\nsynchronous_commit = local\n" . ($preloaded ? "shared_preload_libraries = 'pg_sessionctl'\n" : ''));
		$admin = SessionctlTest::Session->new($node);
		$drainer = SessionctlTest::Session->new($node);
		$version = $admin->run('SHOW server_version_num');
		$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE guest LOGIN;
			GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO guest;
			CREATE TABLE done (a int); GRANT ALL ON done TO app;
			CREATE TABLE mine (a int); ALTER TABLE mine OWNER TO app; GRANT ALL ON SCHEMA public TO app;
			CREATE SEQUENCE counter; GRANT ALL ON counter TO app;
			CREATE FUNCTION advance() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN nextval('counter'); END$$});
		create_procedure() if $version >= 110000;
		$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
		$node->safe_psql('elsewhere', 'CREATE EXTENSION pg_sessionctl');
		while (my ($what, $test) = splice @tests, 0, 2)
		{
			subtest "$name: $what" => $test;
		}
		unlike(read_file($node->logfile), qr/PANIC|was terminated by signal/, "$name: no process crashed");
		$_->quit for $drainer, $admin;
		$node->stop;
	}
	return done_testing();
}

1;
