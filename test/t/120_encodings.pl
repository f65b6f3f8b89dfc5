# Texts that pass between databases of different encodings, by shared memory or a file: what cannot be shown is replaced,
# and no session gets an error.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;
use utf8;

my $node = new_reaper_server('encodings', conf => "autovacuum = off\nmax_connections = 60\nmax_prepared_transactions = 5\nlog_min_messages = log\n");
my $admin = SessionctlTest::Session->new($node, options => '-c client_encoding=UTF8');

# UTF-8 in the test, bytes on the wire.
sub bytes { my ($text) = @_; utf8::encode($text); return $text }
sub run { my ($session, $sql) = @_; my $answer = $session->run(bytes($sql)); utf8::decode($answer); return $answer }

my %encoding = (postgres => 'UTF8', latin1 => 'LATIN1', euc_jp => 'EUC_JP', win1251 => 'WIN1251', sql_ascii => 'SQL_ASCII');
my @databases = sort keys %encoding;
my $boss = 'boss Жü雪';
run($admin, qq{CREATE ROLE "$boss" LOGIN SUPERUSER; CREATE ROLE app LOGIN; CREATE ROLE held LOGIN; CREATE DATABASE target});
for my $database (grep { $_ ne 'postgres' } @databases)
{
	run($admin, "CREATE DATABASE $database ENCODING '$encoding{$database}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($database, 'CREATE EXTENSION pg_sessionctl');
}
my %options = map { $_ => '-c client_encoding=' . ($_ eq 'sql_ascii' ? 'SQL_ASCII' : 'UTF8') } @databases;
my %caller = map { $_ => SessionctlTest::Session->new($node, database => $_, app => 'caller', options => $options{$_}) } @databases;
# (Its login would fail where its name has to be converted for its client: core tells it who it is.)
is(run($caller{$_}, q{SELECT set_config('role', rolname, false) IS NOT NULL FROM pg_roles WHERE rolname LIKE 'boss%'}), 't', "a role in $_") for @databases;
my %reader = map { $_ => SessionctlTest::Session->new($node, database => $_, app => 'reader', options => $options{$_}) } @databases;
# What people write there.
my %written = (postgres => 'ü 雪 € Ж 😀', latin1 => 'größer', euc_jp => '雪 ぢ', win1251 => 'Жук', sql_ascii => 'ü 雪');

# Core's own conversion tells what an encoding has.
my %has;
sub has
{
	my ($encoding, $character) = @_;
	return 0 if $encoding eq 'SQL_ASCII';
	$has{$encoding}{$character} = run($admin, "SELECT length(convert_to('$character', '$encoding'))") =~ /^\d+$/
	  if !exists $has{$encoding}{$character};
	return $has{$encoding}{$character};
}

# As it is read in a database of this encoding.
sub shown
{
	my ($text, $database) = @_;
	return join '', map {
		my $code = ord;
		$code < 0x80 || has($encoding{$database}, $_) ? $_ : sprintf $code < 0x10000 ? '\\u%04x' : '\\U%08x', $code
	} split //, $text;
}

sub literal { my ($text) = @_; return $text =~ s/\\/\\\\/g ? "E'$text'" : "'$text'" }

sub is_read_everywhere
{
	my ($sql, $from, $what, %with) = @_;
	for my $to (@databases)
	{
		my $expected = shown($with{text} || $written{$from}, $to);
		is(run($reader{$to}, $sql), $with{wrap} ? $with{wrap}->($expected, $to) : $expected, "$what, written in $from, read in $to");
	}
	return;
}

sub lockdown { my ($column, $kind) = @_; return "SELECT $column FROM sessionctl.session_lockdowns WHERE kind = '$kind'" }

for my $from (@databases)
{
	my ($caller, $reason) = ($caller{$from}, $written{$from});
	my $by_boss = sub { my ($reason, $to) = @_; return "$reason|" . shown($boss, $to) };

	subtest "lockdowns by who is in $from" => sub {
		# In that database its name is no name in its encoding (bar UTF8 and SQL_ASCII); it is read as UTF-8 all the same.
		is(run($caller, "SELECT sessionctl.lockdown_database('target', reason => '$reason')"), '0', 'a database');
		is_read_everywhere(lockdown('reason, locked_by', 'database'), $from, 'its reason and who did it', wrap => $by_boss);
		is(run($caller, q{SELECT sessionctl.unlock_database('target')}), 't', 'unlocked');

		is(run($caller, "SELECT sessionctl.lockdown_role('held', reason => '$reason')"), '0', 'a role');
		is_read_everywhere(lockdown('reason, locked_by', 'role'), $from, 'its reason and who did it', wrap => $by_boss);
		is(run($caller, q{SELECT sessionctl.unlock_role('held')}), 't', 'unlocked');

		for my $method (qw(gate hba))
		{
			like(run($caller, "SELECT sessionctl.lockdown_server('$method', terminate => false, reason => '$reason')"), qr/^0$/m, "the server by $method");
			is_read_everywhere(lockdown('method, reason, locked_by', 'server'), $from, "$method: its reason and who did it", wrap => sub { "$method|" . $by_boss->(@_) });
			my $refusal = refusal($node, 'app');
			utf8::decode($refusal);
			like($refusal, qr/the server is locked down\nDETAIL:  Locked by role "\Q$boss\E" until it is unlocked: \Q$reason\E$/m, 'a login reads it') if $method eq 'gate';
			is(run($caller, q{SELECT sessionctl.unlock_server()}), 't', 'unlocked');
		}
	};

	# Where both are SQL_ASCII bytes are shown as they are.
	my $own = sub { my ($text, $to) = @_; return $to eq 'sql_ascii' && $from eq 'sql_ascii' ? $reason : $text };

	subtest "sessions ended from $from" => sub {
		for my $to (@databases)
		{
			for my $client ($to eq 'sql_ascii' ? qw(SQL_ASCII UTF8) : ('UTF8', $encoding{$to}, 'SQL_ASCII'))
			{
				my $victim = SessionctlTest::Session->new($node, user => 'app', database => $to, app => 'victim', options => "-c client_encoding=$client");
				is(run($caller, qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim'\$\$, reason => '$reason')}), '1', "one in $to");
				my $words = $victim->end_messages;
				my ($detail) = $words =~ /^DETAIL:  (.*)$/m;
				my %perl = (LATIN1 => 'iso-8859-1', EUC_JP => 'euc-jp', WIN1251 => 'cp1251', UTF8 => 'utf8');
				require Encode;
				my $raw = $perl{ $client eq 'SQL_ASCII' ? $encoding{$to} : $client };
				$detail = Encode::decode($raw, $detail) if $raw;
				is($detail, sprintf('Reason given by role "%s": %s', shown($boss, $to), shown($reason, $to)), "is told why, its client $client");
				$victim->quit;
			}
		}
		is_read_everywhere(q{SELECT reason, by_current_user LIKE 'boss %' FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}, $from, 'the audit',
			wrap => sub { $own->(@_) . '|t' });
		my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
		is(run($caller, qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim' and '$reason' <> \$1\$\$, array['x$reason'])}), '1', 'by a condition with such characters');
		is_read_everywhere(q{SELECT args, condition FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}, $from, 'the audit',
			wrap => sub { my $text = $own->(@_); return "x$text|application_name = 'victim' and '$text' <> \$1" });
		$victim->quit;
	};

	subtest "a cooldown set in $from" => sub {
		my $victim = SessionctlTest::Session->new($node, user => 'app', app => "pool $from");
		is(run($caller, qq{SELECT sessionctl.terminate_where(\$\$application_name = 'pool $from'\$\$, cooldown => '1 h', reason => '$reason')}), '1', 'set');
		$victim->quit;
		is_read_everywhere(lockdown('reason, locked_by', 'cooldown') . " AND method LIKE '%\"pool $from\"%'", $from, 'its reason and whose session did it', wrap => sub { "$_[0]|postgres" });
		my $words = log_in($node, 'app', app => "pool $from");
		utf8::decode($words);
		like($words, qr/by role "postgres" with a cooldown: \Q$reason\E/, 'a login reads it');
	};

	subtest "statements in $from" => sub {
		my $gid = "gid $reason";
		run($caller, "CREATE TABLE IF NOT EXISTS t (i int); BEGIN; LOCK TABLE t; PREPARE TRANSACTION '$gid'");
		my $waiter = SessionctlTest::Session->new($node, database => $from, app => 'waiter', options => $options{$from});
		$waiter->send(bytes("SELECT '$reason' FROM t"));
		wait_for('the waiter', sub { run($admin, q{SELECT waiting FROM sessionctl.session_activity WHERE application_name = 'waiter'}) eq 't' });
		is_read_everywhere(q{SELECT query FROM sessionctl.session_activity WHERE application_name = 'waiter'}, $from, 'the statement',
			wrap => sub { "SELECT '" . $own->(@_) . "' FROM t;" });
		is_read_everywhere(q{SELECT gid FROM sessionctl.prepared_transactions}, $from, 'a prepared transaction',
			wrap => sub { 'gid ' . $own->(@_) });
		for my $to (@databases)
		{
			my $text = $own->(shown($reason, $to), $to);
			my $tree = run($reader{$to}, 'SELECT sessionctl.blocking_tree()');
			like($tree, qr/^prepared transaction E?'gid (?:\Q$text\E|\Q${\ ($text =~ s{\\}{\\\\}gr) }\E)' .*\n  pid .*: SELECT '\Q$text\E' FROM t;$/, "the tree, of who is in $from, read in $to");
			like(run($reader{$to}, q{SELECT sessionctl.safe_count($$application_name = 'waiter' and query like '%FROM t%' and query ~* 'from t'$$, include_superusers => true)}), qr/(?:^|\n)1$/, 'a condition reads the statement');
		}
		for my $to (grep { $_ ne $from } @databases)
		{
			my $told = run($reader{$to}, "SELECT sessionctl.lockdown_database('$from', terminate => false)");
			my $literal = literal('gid ' . shown($reason, $to));
			like($told, qr/^DETAIL:  prepared transaction \Q$literal\E\.$/m, "what remains in $from, told in $to");
			run($reader{$to}, "SELECT sessionctl.unlock_database('$from')");
		}
		is(run($caller, q{SELECT rollback_command FROM sessionctl.prepared_transactions}), "ROLLBACK PREPARED '$gid'", 'the way to end it');
		run($caller, "ROLLBACK PREPARED '$gid'");
		$waiter->answer;
		$waiter->quit;
	};
}

subtest 'bytes of no encoding' => sub {
	my $caller = $caller{sql_ascii};
	is($caller->run(qq{SELECT sessionctl.lockdown_role('held', reason => E'caf\\xe9 \\xfe\\xff')}), '0', 'a reason that is no UTF-8 locks down');
	is(run($reader{$_}, lockdown('reason', 'role')), 'caf\\xe9 \\xfe\\xff', "and is read in $_") for @databases;
	$caller->run(q{SELECT sessionctl.unlock_role('held')});

	# Names of roles and databases are the same bytes in all databases.
	is($caller->run(qq{CREATE ROLE "r\xe9" LOGIN; CREATE DATABASE "d\xe9"}), '', 'names that are no UTF-8');
	my $named = SessionctlTest::Session->new($node, user => "r\xe9", database => "d\xe9", app => 'named');
	for my $to (grep { $_ ne 'sql_ascii' } @databases)
	{
		my $seen = run($reader{$to}, q{SELECT usename, datname FROM sessionctl.session_activity WHERE application_name = 'named'});
		my $expected = { postgres => 'r\\xe9|d\\xe9', euc_jp => 'r\\xe9|d\\xe9', latin1 => 'ré|dé', win1251 => 'rй|dй' }->{$to};
		is($seen, $expected, "are read in $to");
	}
	is(run($reader{postgres}, q{SELECT sessionctl.lockdown_role(usename, terminate => false) FROM sessionctl.session_activity WHERE application_name = 'named'}),
		'ERROR:  role "r\\xe9" does not exist', 'what is shown is not its name');
	is($caller->run(qq{SELECT sessionctl.lockdown_role('r\xe9', terminate => false), sessionctl.lockdown_database('d\xe9', terminate => false)}), '0|0', 'locked down by name');
	like(run($reader{$_}, lockdown('count(*)', 'role')), qr/^1$/, "and listed in $_") for @databases;
	is(run($reader{postgres}, lockdown('name', 'role')), 'r\\xe9', 'by name');
	$caller->run(qq{SELECT sessionctl.unlock_role('r\xe9')});
	like($caller->run(qq{SELECT sessionctl.terminate_where(\$\$application_name = 'named'\$\$)}), qr/^1$/, 'its session ended');
	is(run($reader{postgres}, q{SELECT usename, datname FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}), 'r\\xe9|d\\xe9', 'the audit has its name, to the last byte');
	$named->quit;
};

# Core makes characters of Unicode in EUC_TW that it refuses to take back.
subtest 'characters that core makes and does not take' => sub {
	run($admin, q{CREATE DATABASE euc_tw ENCODING 'EUC_TW' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
	my $odd = run($admin, q{DO $$ BEGIN
		FOR code IN 19968..40959 LOOP
			BEGIN
				PERFORM convert_from(convert_to(chr(code), 'EUC_TW'), 'EUC_TW');
			EXCEPTION WHEN character_not_in_repertoire THEN
				PERFORM set_config('test.odd', chr(code), false);
				EXIT;
			WHEN untranslatable_character THEN
			END;
		END LOOP; END $$; SELECT current_setting('test.odd')});
	plan skip_all => "it takes all: $odd" if length $odd != 1;
	my $victim = SessionctlTest::Session->new($node, user => 'app', database => 'euc_tw', app => 'victim', options => '-c client_encoding=UTF8');
	is(run($admin, qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim'\$\$, reason => 'x $odd y')}), '1', 'ended');
	like($victim->end_messages, qr/^DETAIL:  Reason given by role "postgres": x \\u[0-9a-f]{4} y$/m, 'the client reads why');
	$victim->quit;
	run($admin, 'DROP DATABASE euc_tw');
};

subtest 'cut between characters' => sub {
	for my $from (qw(postgres euc_jp))
	{
		for my $shift (0 .. 3)
		{
			my $reason = 'x' x $shift . '雪' x 400;
			my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim', options => '-c client_encoding=UTF8');
			is(run($caller{$from}, qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim'\$\$, reason => '$reason')}), '1', "a long reason, $from, $shift");
			my $words = $victim->end_messages;
			utf8::decode($words);
			like($words, qr/^DETAIL:  Reason given by role ".*": x{$shift}雪{100,}$/m, 'told');
			$victim->quit;
			like(run($reader{$_}, 'SELECT reason FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1'), qr/^x{$shift}雪{100,}$/, "in the audit of $_") for qw(postgres euc_jp);
			like(run($reader{latin1}, 'SELECT reason FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1'), qr/^x{$shift}(?:\\u96ea){100,}$/, 'and of latin1');
			run($caller{$from}, "SELECT sessionctl.lockdown_server(terminate => false, reason => '$reason')");
			like(run($reader{$_}, lockdown('reason', 'server')), qr/^x{$shift}雪{100,}$/, "a lockdown's in $_") for qw(postgres euc_jp);
			run($caller{$from}, 'SELECT sessionctl.unlock_server()');
		}
	}
	# A statement is cut by who runs it, in the middle of a character maybe.
	for my $from (qw(postgres euc_jp))
	{
		my $session = SessionctlTest::Session->new($node, database => $from, app => 'long', options => '-c client_encoding=UTF8');
		for my $shift (0 .. 3)
		{
			run($session, "SELECT '" . 'x' x $shift . '雪' x 1000 . "' IS NULL");
			like(run($reader{$_}, q{SELECT query FROM sessionctl.session_activity WHERE application_name = 'long'}), qr/^SELECT 'x{$shift}雪{300,}$/, "a long statement in $from, read in $_")
			  for qw(postgres euc_jp);
			like(run($reader{latin1}, q{SELECT query FROM sessionctl.session_activity WHERE application_name = 'long'}), qr/^SELECT 'x{$shift}(?:\\u96ea){300,}$/, 'and in latin1');
		}
		$session->quit;
	}
};

$_->quit for $admin, values %caller, values %reader;
done_testing();
