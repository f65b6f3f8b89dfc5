# The process that carries out session rules comes and goes with the rules and their database.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_lifecycle', init => { allows_streaming => 1 }, conf => "pg_sessionctl.rules_database = 'ops'\nlog_min_messages = debug1\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard');
$admin->run('CREATE ROLE stranger LOGIN CREATEDB');

sub victim { return marked_session($node, $_[0] || 'victim') }

sub ops
{
	my (%with) = @_;
	return SessionctlTest::Session->new($node, database => 'ops', %with);
}

sub ends_victims
{
	my ($what) = @_;
	my $session = victim();
	wait_for_end($session);
	$session->quit;
	return pass($what);
}

wait_for_log($node, 0, qr/LOG:  pg_sessionctl: the session rules are not carried out: the database that pg_sessionctl.rules_database names does not exist/);
pass('a missing database is told');
like(rule($admin, 'elsewhere', 'false'), qr/WARNING:  session rules of this database are not carried out\nDETAIL:  pg_sessionctl.rules_database is "ops"/, 'a rule in another database, too');
$admin->run(q{SELECT sessionctl.drop_session_rule('elsewhere')});

$admin->run('CREATE DATABASE ops');
my $ops = ops();
$ops->run('CREATE EXTENSION pg_sessionctl');
is(rule($ops, 'end', q{application_name = 'victim'}, action => 'terminate', streak => 'session'), '', 'a rule in its database');
ends_victims('is carried out when that is there');

subtest 'a transaction that is rolled back' => sub {
	$ops->run(q{BEGIN; SELECT sessionctl.alter_session_rule('end', enabled := false)});
	$ops->run('ROLLBACK');
	ends_victims('changes nothing');
	like($ops->run(q{BEGIN; SELECT sessionctl.alter_session_rule('end', reason := 'x'); PREPARE TRANSACTION 'p'}), qr/ERROR:/, 'one that would be prepared is refused');
	$ops->run('ROLLBACK');
	unlike($ops->run(q{BEGIN; DROP EXTENSION IF EXISTS another; PREPARE TRANSACTION 'p'}), qr/session rules/, 'another extension may be dropped in one');
	$ops->run('ROLLBACK');
};

subtest 'enabled => false' => sub {
	$ops->run(q{SELECT sessionctl.alter_session_rule('end', enabled := false)});
	wait_for_no_worker($node);
	pass('needs no process');
	$ops->run(q{SELECT sessionctl.alter_session_rule('end', reset := '{enabled}')});
	ends_victims('reset: the rule is carried out again');
};

$ops->quit;

subtest 'commands that need the database for themselves' => sub {
	for my $name (qw(template rename tablespace))
	{
		my ($command, $back) = @{ { template => ['CREATE DATABASE copy TEMPLATE ops', 'DROP DATABASE copy'],
			rename => ['ALTER DATABASE ops RENAME TO old', 'ALTER DATABASE old RENAME TO ops'],
			tablespace => ['ALTER DATABASE ops SET TABLESPACE pg_default', 'SELECT 1'] }->{$name} };
		is($admin->run($command), '', $name);
		like($admin->run($back), qr/^1?$/, 'and back');
		ends_victims('the rule is carried out again');
	}
	my $stranger = SessionctlTest::Session->new($node, user => 'stranger');
	my ($before) = rules_worker($node);
	like($stranger->run('DROP DATABASE ops'), qr/must be owner of database ops/, 'who may not drop it');
	my ($after) = rules_worker($node);
	is($after, $before, 'does not stop the rules');
	$stranger->quit;
};

subtest 'one who owns the database' => sub {
	$admin->run('CREATE ROLE keeper LOGIN; ALTER DATABASE ops OWNER TO keeper');
	my $keeper = SessionctlTest::Session->new($node, user => 'keeper');
	$keeper->run('BEGIN; SAVEPOINT s');
	like($keeper->run('DROP DATABASE ops'), qr/cannot run inside a transaction block/, 'a command that fails');
	$keeper->run('ROLLBACK TO s; SELECT 1');
	ends_victims('the rules are carried out while his transaction goes on');
	$keeper->run('ROLLBACK');
	my ($before) = rules_worker($node);
	like($keeper->run('ALTER DATABASE ops RENAME TO mine'), qr/permission denied to rename database/, 'one that he may not give');
	my ($after) = rules_worker($node);
	is($after, $before, 'does not stop the rules');
	$admin->run('ALTER DATABASE ops OWNER TO postgres');
	$keeper->quit;
};

subtest 'a database that is a template' => sub {
	plan skip_all => 'IS_TEMPLATE came with 9.5' if $admin->run('SHOW server_version_num') < 90500;
	$admin->run('ALTER DATABASE ops IS_TEMPLATE true');
	my $stranger = SessionctlTest::Session->new($node, user => 'stranger');
	is($stranger->run('CREATE DATABASE copy TEMPLATE ops'), '', 'whoever creates databases may copy it');
	is($stranger->run('DROP DATABASE copy'), '', 'and drop the copy');
	$admin->run('ALTER DATABASE ops IS_TEMPLATE false');
	ends_victims('the rule is carried out again');
	$stranger->quit;
};

subtest 'a transaction that does not end' => sub {
	my $position = log_position($node);
	$admin->run('BEGIN; ALTER DATABASE ops RENAME TO old');
	wait_for_log($node, $position, qr/LOG:  pg_sessionctl: the session rules are not carried out: a transaction needs their database for itself, and does not end/);
	$admin->run('ROLLBACK');
	ends_victims('is told of; afterwards the rule is carried out again');
};

subtest 'dump and restore' => sub {
	my $dump = $node->basedir . '/dump';
	$ops = ops(user => 'guard');
	is(rule($ops, q{the guard's}, q{application_name = 'guarded'}, action => 'terminate', matching_for => '100 ms', reason => q{it's so}), '', q{a rule of another role});
	$ops->quit;
	my @as_keeper = ('pg_dump', '-Fc', '-f', "$dump.keeper", $node->connstr('ops') . ' user=keeper');
	$node->command_fails_like(\@as_keeper, qr/permission denied for (table|relation) session_rule/, 'a dump by a role that may not read the rules fails');
	$ops = ops();
	$ops->run('GRANT SELECT ON sessionctl.session_rule TO keeper');
	$node->command_ok(\@as_keeper, 'one by a role that may does not');
	$ops->run('REVOKE SELECT ON sessionctl.session_rule FROM keeper');
	$ops->quit;
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('ops') ], 'dump');
	is($admin->run('DROP DATABASE ops'), '', 'the database is dropped');
	$admin->run('CREATE DATABASE ops TEMPLATE template0');
	$node->command_ok([ 'pg_restore', '-d', $node->connstr('ops'), $dump ], 'restore');
	ends_victims('the restored rules are carried out');
	my $session = victim('guarded');
	wait_for_end($session);
	$session->quit;
	$ops = ops();
	is($ops->run(q{SELECT owner, matching_for, reason FROM sessionctl.session_rules WHERE owner = 'guard'}), q{guard|00:00:00.1|it's so}, q{those of another role with its rights});
};

subtest 'rows that come by COPY' => sub {
	$ops->run(q{CREATE TABLE kept AS TABLE sessionctl.session_rule; DELETE FROM sessionctl.session_rule});
	wait_for_no_worker($node);
	pass('no row, no process');
	my $copy = $node->basedir . '/copy';
	$ops->run("COPY kept TO '$copy'; COPY sessionctl.session_rule FROM '$copy'");
	ends_victims('they are carried out');
};

subtest 'more rules than there may be' => sub {
	my $position = log_position($node);
	$ops->run(q{CREATE TABLE more AS SELECT * FROM kept WHERE name = 'end'; UPDATE more SET condition = 'false'});
	$ops->run(q{DO $$ BEGIN FOR i IN 1 .. 200 LOOP UPDATE more SET name = 'more ' || i; INSERT INTO sessionctl.session_rule SELECT * FROM more; END LOOP; END $$});
	wait_for_log($node, $position, qr/rule "more 99" is not checked: there can be at most 200 session rules/);
	ends_victims('those that have a place are carried out');
	$ops->run(q{DELETE FROM sessionctl.session_rule WHERE name LIKE 'more 1%'});
	checked_again($ops, 'more 99');
	pass('the others are, when there is room');
	my $guard = ops(user => 'guard');
	$ops->run(q{DELETE FROM sessionctl.session_rule WHERE name LIKE 'more %';
		DO $$ BEGIN FOR i IN 1 .. 190 - (SELECT count(*) FROM sessionctl.session_rule) LOOP UPDATE more SET name = 'more ' || i; INSERT INTO sessionctl.session_rule SELECT * FROM more; END LOOP; END $$});
	like(rule($guard, 'one more', 'false'), qr/there can be at most 190 session rules\nDETAIL:  Places for 10 more are reserved for superusers/, 'the last places are for superusers');
	is(rule($ops, 'one more', 'false'), '', 'who still have room');
	$guard->quit;
	$ops->run(q{SELECT sessionctl.drop_session_rule('one more')});
	$ops->run(q{DELETE FROM sessionctl.session_rule WHERE name LIKE 'more %'; DROP TABLE more});
};

subtest 'a restart of the server' => sub {
	$_->quit for $ops, $admin;
	$node->restart;
	ends_victims('the rule is carried out again');
	$admin = SessionctlTest::Session->new($node);
	$ops = ops();
};

subtest 'the reaper is stopped' => sub {
	$admin->run('SELECT sessionctl.stop_reaper()');
	wait_for_no_worker($node);
	pass('nobody watches over the rules: they are not carried out');
	$admin->run('SELECT sessionctl.start_reaper()');
	ends_victims('they are, when it is started');
};

subtest 'an error of the process itself' => sub {
	my $stuck = victim('stuck');
	stop_process($stuck->pid);
	rule($ops, 'stuck', q{application_name = 'stuck'}, action => 'terminate', streak => 'session');
	wait_for('an action to be under way', sub { status_of($ops, 'stuck', 'acted') eq '1' });
	my ($postmaster, $position) = (postmaster_pid($node), log_position($node));
	$ops->run(q{UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'pg_sessionctl'});
	$admin->run('SELECT pg_reload_conf()');
	wait_for_log($node, $position, qr/action=terminate result="[^"]+" [^\n]* rule="stuck"/);
	wait_for_no_worker($node);
	$ops->run(q{UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = extname) WHERE extname = 'pg_sessionctl'});
	$admin->run('SELECT pg_reload_conf()');
	ends_victims('rules are carried out again when its cause is gone');
	is(join("\n", log_lines($node, $position, qr/terminated by signal|crash/)), '', 'and nothing has crashed');
	continue_process($stuck->pid);
	wait_for_end($stuck);
	$ops->run(q{SELECT sessionctl.drop_session_rule('stuck')});
	$stuck->quit;
};

subtest 'another database, in another encoding' => sub {
	$admin->run(q{CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
	my $latin = SessionctlTest::Session->new($node, database => 'latin', options => '-c client_encoding=UTF8');
	$latin->run('CREATE EXTENSION pg_sessionctl');
	# In UTF-8 its first two bytes were a control character.
	like(rule($latin, "\xc3\x82\xc2\x85 caf\xc3\xa9", q{application_name = 'victim'}, action => 'terminate', streak => 'session'), qr/not carried out/, 'a rule there is not carried out yet');
	rule($latin, 'end', 'false');
	is(status_of($latin, 'end', 'checks IS NULL'), 't', 'what a rule of its name has done elsewhere is not told of it');
	my ($before) = rules_worker($node);
	set_rules($admin, 'pg_sessionctl.rules_database' => 'latin');
	wait_for('a new process', sub { my ($now) = rules_worker($node); $now && $now != $before });
	ends_victims('then it is');
	is($admin->run(q{SET client_encoding = UTF8; SELECT rule FROM sessionctl.session_stats WHERE rule LIKE '%caf%'}), "\xc3\x82\xc2\x85 caf\xc3\xa9", 'its name is shown in this one, too');
	checked_again($latin, 'end');
	is(status_of($latin, 'end', 'acted'), '0', 'and the other has acted on nobody');
	is(status_of($ops, 'end', 'checks IS NULL'), 't', 'those of before are told nothing any more');
	set_rules($admin, 'pg_sessionctl.rules_database' => 'ops');
	ends_victims('back again');
	$latin->quit;
};

subtest 'DROP EXTENSION' => sub {
	is($ops->run('DROP EXTENSION pg_sessionctl'), '', 'works');
	wait_for_no_worker($node);
	pass('and ends the process');
	# Whoever may create a schema could otherwise have its function run as a superuser.
	$ops->run('GRANT CREATE ON DATABASE ops TO stranger');
	my $stranger = ops(user => 'stranger');
	$stranger->run(q{CREATE SCHEMA sessionctl; CREATE TABLE sessionctl.ran (a text);
		CREATE FUNCTION sessionctl.run() RETURNS text LANGUAGE sql AS $$INSERT INTO sessionctl.ran VALUES (current_user) RETURNING a$$;
		CREATE VIEW sessionctl.session_rule AS SELECT sessionctl.run() AS name});
	my $position = log_position($node);
	$admin->run('SELECT pg_reload_conf()');
	wait_for_log($node, $position, qr/starting background worker process "pg_sessionctl rules"/);
	wait_for_no_worker($node);
	is($stranger->run('SELECT count(*) FROM sessionctl.ran'), '0', 'what else has the name of its table is not read');
	$_->quit for $stranger, $ops;
};

done_testing();
