# Names with quotes, backslashes and line ends in printed commands, messages, the log and pg_hba.conf.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('names', conf => "max_connections = 60\nmax_prepared_transactions = 5\n");
my $admin = SessionctlTest::Session->new($node);
my $has_dblink = $admin->run(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});
my $has_patterns = $admin->run('SHOW server_version_num') >= 160000;

# Roles and databases are made without line ends where the server takes none in their names.
my $break = $admin->run(qq{CREATE ROLE "a\nb"}) =~ /newline/ ? "\x01" : "\n";
my $shown_break = sprintf '\x%02x', ord $break;
my $nasty = "n${break}FATAL:  it's \"over\" \\ \t\x7f";
my $shown = qq{n${shown_break}FATAL:  it's "over" \\ \\x09\\x7f};

sub identifier { my ($name) = @_; $name =~ s/"/""/g; return qq{"$name"} }
sub literal { my ($text) = @_; $text =~ s/(['\\])/$1$1/g; return "E'$text'" }

$admin->run('CREATE ROLE att LOGIN; CREATE ROLE app LOGIN; CREATE ROLE ' . identifier($nasty) . ' LOGIN SUPERUSER; CREATE DATABASE ' . identifier($nasty));
my $boss = SessionctlTest::Session->new($node, user => $nasty);

# The server's messages, each on lines of its own.
sub is_on_lines
{
	my ($text, $expected, $what) = @_;
	return is_deeply([ split /\n/, $text ], $expected, $what);
}

# Means the same to whoever pastes it, however his session reads strings.
sub for_each_reader
{
	my ($check) = @_;
	for my $setting (qw(on off))
	{
		$admin->run("SET standard_conforming_strings = $setting");
		$check->($setting);
	}
	return $admin->run('RESET standard_conforming_strings');
}

subtest 'messages' => sub {
	is_on_lines($admin->run('SELECT sessionctl.unlock_role(' . literal($nasty) . ')'),
		[ qq{NOTICE:  role "$shown" is not locked down}, 'HINT:  NOLOGIN set by hand is not a lockdown. Use ALTER ROLE to change it.', 'f' ], 'a notice');
	is_on_lines($admin->run('SELECT sessionctl.limit_role(' . literal($nasty) . ', 5)'),
		[ qq{WARNING:  connection limits are not enforced for role "$shown" because it is a superuser}, '0' ], 'a warning');
	$admin->run('ALTER ROLE ' . identifier($nasty) . ' CONNECTION LIMIT -1');
	is_on_lines($admin->run(q{SELECT sessionctl.lockdown_server(method => E'x\nFATAL:  y')}),
		[ 'ERROR:  unrecognized method "x\x0aFATAL:  y"', "HINT:  Valid values are 'gate' and 'hba'." ], 'an error');
	is_on_lines($admin->run('SET pg_sessionctl.protected_roles = ' . literal(identifier("no\nbody")) . "; SELECT sessionctl.terminate_where('false'); RESET pg_sessionctl.protected_roles"),
		[ 'WARNING:  role "no\x0abody" in pg_sessionctl.protected_roles does not exist', '0' ], 'of a setting');
	my $position = log_position($node);
	my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
	is($boss->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$, cooldown => '1 h', reason => 'r')}), '1', 'ended');
	like($victim->end_messages, qr/^DETAIL:  Reason given by role "\Q$shown\E": r$/m, 'its client reads the reason');
	$victim->quit;
	like(log_in($node, 'app', app => 'victim'), qr/by role "\Q$shown\E" with a cooldown: r\z/, 'a login in a cooldown');
	is($boss->run(q{SELECT sessionctl.lockdown_server(terminate => false)}), '0', 'locked down');
	like(log_in($node, 'app'), qr/ Locked by role "\Q$shown\E" until it is unlocked\.\z/, 'a login at the gate');
	is($admin->run(q{SELECT locked_by FROM sessionctl.session_lockdowns WHERE kind = 'server'}), $nasty, 'a view shows the name');
	is($boss->run(q{SELECT sessionctl.unlock_server()}), 't', 'unlocked');
	is_deeply([ log_lines($node, $position, qr/^FATAL:  it's/) ], [], 'no line of the log begins with a part of a name');
	is(scalar(grep { /by_current_user="\Qn${shown_break}FATAL:  it's \"over\" \\ \x09\x7f\E"/ } audit_lines($node, $position)), 3, 'the audit keeps it on its line');
};

subtest 'prepared transactions' => sub {
	$admin->run('CREATE TABLE t (i int)');
	for_each_reader(sub {
		$admin->run('BEGIN; LOCK TABLE t; PREPARE TRANSACTION ' . literal($nasty));
		my $command = $admin->run('SELECT rollback_command FROM sessionctl.prepared_transactions');
		is($command, "ROLLBACK PREPARED E'n${shown_break}FATAL:  it''s \"over\" \\\\ \\x09\\x7f'", "the view, with standard_conforming_strings $_[0]");
		my $notice = $admin->run(q{SELECT sessionctl.terminate_lock_holders('t')});
		is_on_lines($notice, [ 'NOTICE:  1 prepared transaction keeps relation "t" locked', qq{DETAIL:  $command; in database "postgres"},
				'HINT:  No signal ends a prepared transaction. Use COMMIT PREPARED or ROLLBACK PREPARED in its own database.', '0' ], 'a notice');
		my $waiter = SessionctlTest::Session->new($node, app => 'waiter');
		$waiter->send('SELECT FROM t');
		wait_for('the waiter', sub { $admin->run(q{SELECT waiting FROM sessionctl.session_activity WHERE application_name = 'waiter'}) eq 't' });
		like($admin->run('SELECT sessionctl.blocking_tree()'), qr/\Aprepared transaction E'n[^\n]*; in postgres: \Q$command\E\n  pid [^\n]*\z/, 'the tree');
		is($admin->run($command), '', 'pasted');
		is($admin->run('SELECT count(*) FROM pg_prepared_xacts'), '0', 'it ends it');
		$waiter->answer;
		$waiter->quit;
	});
	my $there = SessionctlTest::Session->new($node, database => $nasty);
	$there->run('CREATE TABLE t (i int); BEGIN; LOCK TABLE t; PREPARE TRANSACTION ' . literal("it's\nhere"));
	$there->quit;
	is_on_lines($admin->run('SELECT sessionctl.lockdown_database(' . literal($nasty) . ')'),
		[ qq{NOTICE:  database "$shown" still has objects that ending sessions does not remove}, q{DETAIL:  prepared transaction E'it''s\x0ahere'.},
			'HINT:  Use ROLLBACK PREPARED (in that database), pg_drop_replication_slot() and ALTER SUBSCRIPTION ... DISABLE.', '0' ], 'what remains in a database');
	is($admin->run('SELECT sessionctl.unlock_database(' . literal($nasty) . ')'), 't', 'unlocked');
	$there = SessionctlTest::Session->new($node, database => $nasty);
	is($there->run(q{ROLLBACK PREPARED E'it''s\x0ahere'}), '', 'ended by what was told');
	$there->quit;
};

SKIP: {
	skip 'no dblink', 1 if !$has_dblink;
	subtest 'a server to be made, a pool to be resumed' => sub {
		$admin->run('CREATE EXTENSION dblink');
		for my $server ("p','x'); alter role att superuser; --", 'p"; alter role att superuser; --', 'select', 'a\\', "a\nb\\'\"")
		{
			for_each_reader(sub {
				my $complaint = $admin->run('SELECT sessionctl.pause_pool(' . literal($server) . ", 'shop')");
				my ($hint) = $complaint =~ /^HINT:  (CREATE SERVER .*)$/m or return fail("a hint: $complaint");
				is(scalar(split /\n/, $complaint), 2, 'an error and a hint');
				is($admin->run($hint), '', "pasted, with standard_conforming_strings $_[0]");
				is($admin->run('SELECT srvname FROM pg_foreign_server'), $server, 'it makes that server');
				$admin->run('DROP SERVER ' . identifier($server) . ' CASCADE');
				my $kept = join '', map { /[a-z]/ ? $_ : sprintf '%%%02X', ord } split //, $server;
				$admin->run(qq{CREATE DATABASE held; ALTER DATABASE held SET pg_sessionctl.lockdown = 'limit=-1 open=yes locked_limit=0 locked_open=yes since=1 by=x reason= pool=$kept pool_database=$kept'});
				my $warning = $admin->run(q{SELECT sessionctl.unlock_database('held')});
				my ($command) = $warning =~ /^HINT:  Call (sessionctl\.resume_pool\(.*\)) in the database where that server is defined\.$/m or return fail("a command: $warning");
				like($admin->run("SELECT $command"), qr/\AERROR:  server "[^\n]*" does not exist\nHINT:  [^\n]*\z/, 'pasted, it asks for that server');
				is($admin->run(qq{SELECT a = b AND a = } . literal($server) . qq{ FROM (SELECT ${\ ($command =~ s/.*resume_pool\((.*)\)/$1/sr) }) AS x (a, b)}), 't', 'for no other');
				$admin->run('DROP DATABASE held');
			});
		}
		is($admin->run(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'att'}), 'f', 'nobody has become a superuser');
	};
}

subtest 'pg_hba.conf' => sub {
	my $file = $node->data_dir . '/pg_hba.conf';
	my $rules = read_file($file);
	my $injected = qq{x"${break}local all all trust${break}#};
	$admin->run('CREATE ROLE crew; CREATE ROLE ' . identifier($injected) . ' LOGIN IN ROLE crew');
	my $answer = $admin->run(q{SELECT sessionctl.lockdown_server('hba', allow_roles => '{crew}', terminate => false)});
	if ($has_patterns)
	{
		is($answer, '0', 'a superuser and a member whose names have line ends');
		is(log_in($node, $nasty), 'in', 'are written as patterns');
	}
	else
	{
		my @told = map { (qq{WARNING:  role "$_" cannot log in until the server is unlocked}, q{DETAIL:  Its name contains a newline and cannot be written in pg_hba.conf.},
				q{HINT:  Rename the role, or lock the server down with method => 'gate'.}) } $shown, qq{x"${shown_break}local all all trust${shown_break}#};
		is_on_lines($answer, [ @told, '0' ], 'a superuser and a member whose names have line ends are left out, and told of');
		like(log_in($node, $nasty), qr/^FATAL 28000 /, 'and can not log in');
	}
	my $locked = read_file($file);
	unlike($locked =~ s/\Q$rules\E\z//r, qr/^local all all trust/m, 'a name makes no line of its own');
	like(log_in($node, 'app'), qr/^FATAL 28000 /, 'nobody else gets in');
	is(log_in($node, 'postgres'), 'in', 'other superusers do');
	is($admin->run('SELECT sessionctl.unlock_server()'), 't', 'unlocked');
	is(read_file($file), $rules, 'the file is what it was');
	like($admin->run(q{SELECT sessionctl.lockdown_server('hba', allow_roles => ARRAY[} . literal($injected) . q{], terminate => false)}),
		$has_patterns ? qr/^0\z/ : qr/\AERROR:  the name of role "x"\\x0alocal all all trust\\x0a#" cannot be written in pg_hba\.conf\nDETAIL: .*\nHINT: [^\n]*\z/, 'asked for by name');
	$admin->run('SELECT sessionctl.unlock_server()');
	# Who locks it and why stands in a comment.
	$boss->run(qq{SELECT sessionctl.lockdown_server('hba', terminate => false, reason => E'a\\nlocal all all trust')});
	unlike(read_file($file) =~ s/\Q$rules\E\z//r, qr/^(?:local all all trust|FATAL)/m, 'nor does who did it');
	is($admin->run(q{SELECT locked_by, reason FROM sessionctl.session_lockdowns WHERE kind = 'server'}), "$nasty|a local all all trust", 'it is read back');
	is($admin->run('SELECT sessionctl.unlock_server()'), 't', 'unlocked');
};

subtest 'a gate that is switched off' => sub {
	is($admin->run(q{SELECT sessionctl.lockdown_server(terminate => false, reason => 'r')}), '0', 'closed');
	is($admin->run(q{SELECT method, reason FROM sessionctl.session_lockdowns WHERE kind = 'server'}), 'gate|r', 'shown');
	my $means = 'gate: closed, but pg_sessionctl.gate is off';
	$admin->run('ALTER SYSTEM SET pg_sessionctl.gate = off');
	$admin->run('SELECT pg_reload_conf()');
	wait_for('the reload', sub { $admin->run(q{SELECT method FROM sessionctl.session_lockdowns WHERE kind = 'server'}) eq $means });
	is(log_in($node, 'app'), 'in', 'everybody gets in');
	$_->quit for $boss, $admin;
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	is($admin->run(q{SELECT method, reason, locked_by FROM sessionctl.session_lockdowns WHERE kind = 'server'}), "$means|r|postgres", 'shown after a restart');
	is($admin->run('SELECT sessionctl.unlock_server()'), 't', 'unlocked');
	is($admin->run('SELECT count(*) FROM sessionctl.session_lockdowns'), '0', 'it is gone');
};

$admin->quit;
done_testing();
