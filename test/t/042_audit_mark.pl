# Audit lines have a mark that only roles know that may read the audit, so they cannot be imitated. All kinds of
# lockdowns are in the audit once they are in effect.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('mark', conf => "max_prepared_transactions = 5\nlog_line_prefix = '%m [%p] %u %a '\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE mallory LOGIN; CREATE DATABASE shop; CREATE TABLE t()});

sub mark { return $admin->run('SELECT sessionctl.audit_mark()') }

# As the guide says.
sub found { my ($position, $mark) = @_; return grep { index($_, "pg_sessionctl: mark=$mark ") >= 0 } split /\n/, log_since($node, $position) }

sub end_one
{
	my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)}), '1', 'one is ended');
	return $victim->quit;
}

# Newer than the last call: what session_audit has of lockdowns.
my $seen = '-infinity';
sub lockdowns
{
	my $rows = $admin->run(qq{SELECT action, result, usename, datname, detail, reason FROM sessionctl.session_audit WHERE pid IS NULL AND acted_at > '$seen' ORDER BY acted_at});
	$seen = $admin->run('SELECT clock_timestamp()');
	return $rows;
}

subtest 'a mark' => sub {
	my $mark = mark();
	like($mark, qr/^[0-9a-f]{32}\z/, '128 random bits');
	my $position = log_position($node);
	end_one();
	is(scalar(found($position, $mark)), 1, 'its line has it');
	is($admin->run('SELECT DISTINCT mark FROM sessionctl.session_audit'), $mark, 'session_audit shows it');
};

subtest 'what others write into the log' => sub {
	my $mark = mark();
	my $position = log_position($node);
	my $forged = 'pg_sessionctl: mark=00000000000000000000000000000000 action=terminate result="terminated" usename="app"';
	my $mallory = SessionctlTest::Session->new($node, user => 'mallory', app => 'LOG:  pg_sessionctl: action=terminate');
	$mallory->run(qq{DO \$\$ BEGIN RAISE LOG E'x\\nLOG:  $forged'; END \$\$});
	$mallory->run(qq{SELECT '$forged'::int});
	$mallory->run(qq{SELECT 1 AS "\nLOG:  $forged" FROM nowhere});
	refusal($node, "nobody\nLOG:  pg_sessionctl: action=terminate");
	$mallory->quit;
	cmp_ok(scalar(log_lines($node, $position, qr/\Q$forged\E/)), '>=', 4, 'looks like the audit');
	is(scalar(found($position, $mark)), 0, 'but has not the mark');
};

subtest 'which roles see it' => sub {
	my $mark = mark();
	my $mallory = SessionctlTest::Session->new($node, user => 'mallory');
	$mallory->run('SET client_min_messages = debug5');
	my $own = SessionctlTest::Session->new($node, user => 'mallory', app => 'own');
	$admin->run('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO mallory; REVOKE EXECUTE ON FUNCTION sessionctl.audit_mark(), sessionctl._session_audit() FROM mallory');
	my @said = map { $mallory->run($_) } q{SELECT sessionctl.terminate_where($$application_name = 'own'$$, reason => 'mine')},
	  'SELECT sessionctl.lockdown_server(terminate => false)', 'SELECT sessionctl.unlock_server()',
	  'SELECT sessionctl.audit_mark()', 'TABLE sessionctl.session_audit', 'SELECT * FROM sessionctl._session_audit()',
	  'SELECT * FROM pg_stat_activity', 'SELECT * FROM pg_settings', 'TABLE sessionctl.session_activity', 'TABLE sessionctl.session_lockdowns';
	like($said[0], qr/^1$/m, 'a role that ends a session');
	like($said[1], qr/^0$/m, 'or locks the server down');
	is(scalar(grep { /\Q$mark\E/ } @said), 0, 'is not told the mark');
	like($said[$_], qr/ERROR:  permission denied/, 'nor may he ask for it') for 3 .. 5;
	like($own->run('SELECT 1'), qr/FATAL:  terminating connection(?!.*mark=)/s, 'the client of the ended session does not see it either');
	if ($admin->run(q{SELECT count(*) FROM pg_roles WHERE rolname = 'pg_monitor'}))
	{
		$admin->run('CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
		my $watcher = SessionctlTest::Session->new($node, user => 'watcher');
		is($watcher->run('SELECT sessionctl.audit_mark()'), $mark, 'pg_monitor is');
		$watcher->quit;
	}
	$_->quit for $mallory, $own;
	lockdowns();
};

subtest 'lockdowns of roles and databases' => sub {
	my $position = log_position($node);
	$admin->run($_)
	  for q{SELECT sessionctl.lockdown_role('app', reason => E'ticket\n"4711"')}, q{SELECT sessionctl.unlock_role('app')},
	  q{SELECT sessionctl.lockdown_database('shop', reason => 'restore')}, q{SELECT sessionctl.unlock_database('shop')},
	  q{SELECT sessionctl.limit_role('app', 3, reason => 'too many')}, q{SELECT sessionctl.limit_role('app', -1)};
	is(lockdowns(), join("\n", 'lockdown_role|closed|app||login=false|ticket "4711"', 'unlock_role|open|app||login=true|',
			'lockdown_database|closed||shop|connection_limit=0 allow_connections=true|restore',
			'unlock_database|open||shop|connection_limit=-1 allow_connections=true|',
			'limit_role|set|app||connection_limit=3|too many', 'limit_role|set|app||connection_limit=-1|'),
		'each of them');
	my @lines = audit_lines($node, $position);
	is(scalar @lines, 6, 'and in the log');
	like($lines[0], qr/^pg_sessionctl: action=lockdown_role result="closed" usename="app" by_session_user="postgres" by_current_user="postgres" by_session_id=\S+ login=false reason="ticket \\"4711\\""\z/,
		'who, what, why');
	like($lines[2], qr/^pg_sessionctl: action=lockdown_database result="closed" datname="shop" by_.* connection_limit=0 allow_connections=true reason="restore"\z/, 'of which database');
};

subtest 'they are written at commit' => sub {
	my $position = log_position($node);
	$admin->run(q{BEGIN; SELECT sessionctl.lockdown_role('app'); ROLLBACK});
	$admin->run(q{BEGIN; SELECT sessionctl.limit_role('app', 1); SAVEPOINT s; SELECT sessionctl.limit_role('app', 2); SAVEPOINT t;
		SELECT sessionctl.limit_role('app', 3); RELEASE t; ROLLBACK TO s; SELECT sessionctl.limit_role('app', 4); RELEASE s; COMMIT});
	is(lockdowns(), join("\n", 'limit_role|set|app||connection_limit=1|', 'limit_role|set|app||connection_limit=4|'), 'what was rolled back is not told');
	is(scalar(audit_lines($node, $position)), 2, 'nor in the log');
	$admin->run(q{BEGIN; SELECT sessionctl.limit_role('app', -1); PREPARE TRANSACTION 'p'});
	is(lockdowns(), 'limit_role|prepared|app||connection_limit=-1|', 'what is prepared says so');
	$admin->run(q{COMMIT PREPARED 'p'});
	$admin->run(q{DO $$ BEGIN PERFORM sessionctl.lockdown_role('app'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$});
	is(lockdowns(), '', 'an exception that is caught undoes it, too');
};

subtest 'lockdowns of the server' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_server(terminate => false, reason => 'why')});
	$admin->run('SELECT sessionctl.unlock_server()');
	is(lockdowns(), join("\n", 'lockdown_server|closed|||allow_roles="" include_superusers=false include_replication=false hold_ms=0 until=NULL|why',
			'unlock_server|open||||'), 'by the gate');
	is($admin->run(q{SELECT by_session_user, by_current_user, by_session_id IS NOT NULL, session_id IS NULL FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}),
		'postgres|postgres|t|t', 'by whom');
	$admin->run(q{SELECT sessionctl.lockdown_server(method => 'hba', terminate => false)});
	$admin->run('SELECT sessionctl.unlock_server()');
	like(lockdowns(), qr/^lockdown_server\|closed in pg_hba\.conf\|\|\|allow_roles=.*\|\nunlock_server\|open in pg_hba\.conf\|\|\|\|\z/, 'by pg_hba.conf');
	$admin->run(q{SELECT sessionctl.lockdown_server(terminate => false, until => clock_timestamp() + '300 ms', reason => 'short')});
	wait_for('it to open', sub { refusal($node, 'app') eq '' });
	wait_for('the record', sub { $admin->run(q{SELECT count(*) FROM sessionctl.session_audit WHERE action = 'unlock_server' AND reason = 'short'}) eq '1' });
	like(lockdowns(), qr/\nunlock_server\|open, its time is over\|\|\|until="20[^|]*"\|short\z/, 'the end that comes by itself');
};

subtest 'names' => sub {
	my $position = log_position($node);
	my $mark = mark();
	my $name = qq{two\nlines" action=x};
	(my $quoted = $name) =~ s/"/""/g;
	plan skip_all => 'this server takes no newline in a name' if $admin->run(qq{CREATE ROLE "$quoted" LOGIN; CREATE DATABASE "$quoted"}) =~ /newline/;
	$admin->run(qq{SELECT sessionctl.lockdown_role('$name', reason => '$name')});
	$admin->run(qq{SELECT sessionctl.lockdown_database('$name', reason => '$name')});
	$admin->run(qq{SELECT sessionctl.unlock_database('$name')});
	my @lines = found($position, $mark);
	is(scalar @lines, 3, 'a newline in a name begins no line');
	like($lines[0], qr/ usename="two\\x0alines\\" action=x" .* reason="two lines\\" action=x"\z/, 'nor does a quote end the field');
	like($lines[1], qr/ datname="two\\x0alines\\" action=x" /, 'of a database, too');
	lockdowns();
};

subtest 'cooldown' => sub {
	my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'cooled');
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'cooled'$$, cooldown => '1 min')});
	is($admin->run(q{SELECT cooldown, detail IS NULL FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}), '1 min|t', 'session_audit has it');
	$victim->quit;
};

subtest 'each start has its own' => sub {
	my $first = mark();
	$admin->run(q{SELECT sessionctl.lockdown_server(terminate => false, reason => 'over a restart')});
	$admin->quit;
	my $position = log_position($node);
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	my $second = mark();
	isnt($second, $first, 'another one');
	is($admin->run(q{SELECT count(*) > 5 FROM sessionctl.session_audit WHERE mark = '} . $first . q{'}), 't', 'session_audit keeps the first for its lines');
	is($admin->run(q{SELECT action, result, reason, by_session_user IS NULL FROM sessionctl.session_audit WHERE mark = '} . $second . q{'}),
		'lockdown_server|closed as before the start|over a restart|t', 'a server that comes back locked down says so');
	is(scalar(found($position, $second)), 1, 'in the log as well');
	$admin->run('SELECT sessionctl.unlock_server()');
};

subtest 'not preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	my @marks;
	for my $start (1 .. 2)
	{
		$node->restart;
		$admin = SessionctlTest::Session->new($node);
		my $position = log_position($node);
		end_one();
		push @marks, mark();
		like($marks[-1], qr/^[0-9a-f]{32}\z/, 'there is a mark');
		is(scalar(found($position, $marks[-1])), 1, 'the line has it');
		my $other = SessionctlTest::Session->new($node);
		is($other->run('SELECT sessionctl.audit_mark()'), $marks[-1], 'all sessions have the same');
		$other->quit;
		my $mallory = SessionctlTest::Session->new($node, user => 'mallory');
		like($mallory->run('SELECT sessionctl.audit_mark()'), qr/ERROR:  permission denied/, 'not everybody may ask');
		$mallory->quit;
		$admin->quit;
	}
	isnt($marks[1], $marks[0], 'each start has its own');
	my $file = $node->data_dir . '/pg_stat_tmp/pg_sessionctl.mark';
	is((stat $file)[2] & 07777, 0600, 'the file is for the server alone');
	for my $content ('', 'x', '1 ' . 'a' x 32 . "\n", 'x' x 1000, "\0" x 40)
	{
		open my $out, '>', $file or die $!;
		print {$out} $content;
		close $out;
		$admin = SessionctlTest::Session->new($node);
		my $mark = mark();
		like($mark, qr/^[0-9a-f]{32}\z/, 'what is no mark of this start is replaced');
		isnt($mark, 'a' x 32, 'not believed');
		my $other = SessionctlTest::Session->new($node);
		is($other->run('SELECT sessionctl.audit_mark()'), $mark, 'once');
		$_->quit for $admin, $other;
	}
	unlink $file;
	mkdir $file or die $!;
	$admin = SessionctlTest::Session->new($node);
	my $position = log_position($node);
	end_one();
	like(log_since($node, $position), qr/pg_sessionctl: mark=none action=terminate/, 'where there can be none, a session is ended all the same');
	like($admin->run('SELECT sessionctl.audit_mark()'), qr/^ERROR:  could not read or write file "pg_stat_tmp\/pg_sessionctl\.mark": /, 'and who asks is told why');
	rmdir $file;
};

$admin->quit;
done_testing();
