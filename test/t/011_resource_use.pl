# What sessions use of the machine: memory, processor time, input and output, temporary files.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use SessionctlTest;
use Test::More;

plan skip_all => 'resource use needs Linux' if $^O ne 'linux';

my $node = new_server('resource_use');
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run("CREATE ROLE $_ LOGIN") for qw(app other);
my $all = 'memory_bytes, cpu_time, read_bytes, write_bytes, temp_bytes';
my $temporary = $node->data_dir . '/base/pgsql_tmp';

sub session { return SessionctlTest::Session->new($node, user => 'app', @_) }

sub shown
{
	my ($session, $columns, $asker) = @_;
	return ($asker || $admin)->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

sub private_memory
{
	my ($pid) = @_;
	my ($kilobytes) = read_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+) kB$/m;
	return 1024 * $kilobytes;
}

sub write_zeros
{
	my ($path, $size) = @_;
	open my $file, '>', $path or die "cannot write $path: $!";
	print {$file} "\0" x $size;
	close $file or die "cannot write $path: $!";
	return;
}

# A sort that does not fit, and whose file stays as long as its cursor.
sub spill
{
	my ($session, $rows) = @_;
	my $complaint = $session->run("SET work_mem = '64kB'; BEGIN; DECLARE c CURSOR FOR SELECT g FROM generate_series(1, $rows) AS g ORDER BY -g; MOVE c");
	is($complaint, '', 'a cursor sorts on disk');
	return;
}

sub size_of_files
{
	my ($directory, $pid) = @_;
	my $size = 0;
	$size += -s for glob "$directory/pgsql_tmp$pid.*";
	return $size;
}

# A GUC's value is kept in memory that is given back at once.
my $large = q{set_config('resource_use.large', repeat('x', 50000000), false)};

subtest 'memory' => sub {
	my ($idle, $large_one) = (session(), session());
	my $before = shown($large_one, 'memory_bytes');
	cmp_ok($before, '>', 0, 'a session has some');
	$large_one->run("SELECT length($large)");
	cmp_ok(shown($large_one, 'memory_bytes'), '>=', $before + 50_000_000, 'more if it uses more');
	is(shown($_, 'memory_bytes'), private_memory($_->pid), 'as the system tells') for $idle, $large_one;
	is($admin->run("SELECT sessionctl.terminate_where('memory_bytes > 40 * 10 ^ 6')"), 1, 'a condition finds that one');
	ok(!$large_one->lives, 'it is gone');
	ok($idle->lives, 'the other is not');
	$idle->quit;
};

subtest 'processor time' => sub {
	my ($idle, $busy) = (session(), session());
	my ($idle_before, $busy_before) = map { shown($_, 'cpu_time') } $idle, $busy;
	$busy->send('DO $$ BEGIN LOOP PERFORM sum(g) FROM generate_series(1, 1000) AS g; END LOOP; END $$');
	wait_for('processor time', sub { shown($busy, "cpu_time > interval '$busy_before' + '0.2 s'") eq 't' });
	is($admin->run("SELECT count(*) FROM sessionctl.preview_where('usename = ''app'' and cpu_time > interval ''$busy_before'' + ''0.2 s''') WHERE pid = "
			. $busy->pid), 1, 'also by a condition');
	is(shown($idle, 'cpu_time'), $idle_before, 'none for who waits');
	my (undef, $fields) = split /\) /, read_file('/proc/' . $idle->pid . '/stat'), 2;
	my @fields = split / /, $fields;
	my $hertz = POSIX::sysconf(POSIX::_SC_CLK_TCK());
	is(shown($idle, 'round(extract(epoch FROM cpu_time)::numeric * 1000)::bigint'), 1000 * ($fields[11] + $fields[12]) / $hertz, 'as the system tells');
	$admin->run('SELECT pg_terminate_backend(' . $busy->pid . ')');
	$_->quit for $busy, $idle;
};

subtest 'input and output' => sub {
	my $session = session();
	$session->run("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT g FROM generate_series(1, 100000) AS g ORDER BY -g OFFSET 1) AS s");
	my $told = eval { read_file('/proc/' . $session->pid . '/io') } || '';
	for my $which (qw(read_bytes write_bytes))
	{
		my ($bytes) = $told =~ /^$which: (\d+)$/m;
		is(shown($session, $which), defined $bytes ? $bytes : '', "$which as the system tells");
	}
	$session->quit;
};

subtest 'temporary files' => sub {
	my ($idle, $small, $large_one) = (session(), session(), session());
	is(shown($idle, 'temp_bytes'), 0, 'none');
	spill($small, 20_000);
	spill($large_one, 200_000);
	cmp_ok(shown($small, 'temp_bytes'), '>', 0, 'some');
	is(shown($_, 'temp_bytes'), size_of_files($temporary, $_->pid), 'as large as they are') for $small, $large_one;
	is($admin->run("SELECT sessionctl.terminate_where('temp_bytes > 1e6')"), 1, 'a condition finds the larger');
	ok(!$large_one->lives, 'it is gone');
	ok($_->lives, 'the others are not') for $idle, $small;
	is($admin->run("SELECT count(*) FROM sessionctl.session_activity WHERE temp_bytes > 1e6"), 0, 'and so are its files');
	$_->quit for $idle, $small;
};

subtest 'temporary files elsewhere' => sub {
	my $location = File::Temp->newdir;
	$admin->run("CREATE TABLESPACE elsewhere LOCATION '$location'");
	$admin->run('GRANT CREATE ON TABLESPACE elsewhere TO app');
	my ($idle, $session) = (session(), session());
	is(shown($session, 'temp_bytes'), 0, 'a tablespace without a directory for them');
	$session->run('SET temp_tablespaces = elsewhere');
	spill($session, 20_000);
	my ($directory) = glob "$location/PG_*/pgsql_tmp";
	cmp_ok(shown($session, 'temp_bytes'), '>', 0, 'files in a tablespace count');
	is(shown($session, 'temp_bytes'), size_of_files($directory, $session->pid), 'as large as they are');
	is(shown($idle, 'temp_bytes'), 0, 'for their session');
	$_->quit for $session, $idle;
	$admin->run('DROP TABLESPACE elsewhere');
};

subtest 'files of others' => sub {
	my $session = session();
	my $pid = $session->pid;
	mkdir $temporary;
	my $shared = "$temporary/pgsql_tmp$pid.7.sharedfileset";
	mkdir $shared or die "cannot make $shared: $!";
	my @files = ("$temporary/pgsql_tmp$pid.900", "$shared/0.0");
	write_zeros($files[0], 1000);
	write_zeros($files[1], 20);
	write_zeros("$temporary/pgsql_tmp${pid}0.900", 300_000);
	write_zeros("$temporary/pgsql_tmp$pid", 300_000);
	is(shown($session, 'temp_bytes'), 1020, 'a file, and one that parallel processes share');
	my $long_ago = time - 3600;
	utime $long_ago, $long_ago, @files;
	is(shown($session, 'temp_bytes'), 0, 'a crash left them behind before this session had the pid');
	unlink @files, "$temporary/pgsql_tmp${pid}0.900", "$temporary/pgsql_tmp$pid";
	rmdir $shared;
	$session->quit;
};

subtest 'a parallel query' => sub {
	plan skip_all => 'since 9.6' if $version < 90600;
	$admin->run('CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a; GRANT SELECT ON wide TO app');
	my $leader = session(options => join ' ', map { "-c $_" } 'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0',
		'parallel_tuple_cost=0', ($version >= 100000 ? 'min_parallel_table_scan_size=0' : 'min_parallel_relation_size=0'));
	my $alone = shown($leader, 'memory_bytes');
	$leader->send(q{SELECT count(*) FROM wide WHERE pg_sleep(600)::text = 'never'});
	my $workers = 'FROM sessionctl.session_activity WHERE leader_pid = ' . $leader->pid;
	my $asleep = q{wait_event = 'PgSleep'};
	$asleep = 'pid IN (SELECT pid FROM pg_stat_activity WHERE state IS NOT NULL)' if $version < 100000;
	wait_for('parallel workers', sub { $admin->run("SELECT count(*) $workers AND $asleep") >= 2 });
	my @workers = split /\n/, $admin->run("SELECT pid $workers");
	my $together = 0;
	$together += private_memory($_) for $leader->pid, @workers;
	is(shown($leader, 'memory_bytes'), $together, 'the memory of its workers counts for the leader');
	cmp_ok($together, '>', $alone, 'which is more than its own');
	my @files = map { "$temporary/pgsql_tmp$_.900" } @workers;
	write_zeros($_, 1000) for @files;
	is(shown($leader, 'temp_bytes'), 1000 * @workers, 'their files, too');
	is($admin->run("SELECT sessionctl.safe_count('temp_bytes = 1000 * @{[ scalar @workers ]}')"), 1, 'also in a condition');
	is($admin->run("SELECT DISTINCT coalesce(memory_bytes, read_bytes, write_bytes, temp_bytes) IS NULL AND cpu_time IS NULL $workers"), 't',
		'and no figure counts twice');
	unlink @files;
	$admin->run('SELECT pg_terminate_backend(' . $leader->pid . ')');
	$leader->quit;
};

# Each mention reads the same figure: or the largest would not be the largest any more.
subtest 'one figure in one condition' => sub {
	my @growing = map { session() } 1 .. 2;
	$_->send(q{DO $$ BEGIN LOOP PERFORM set_config('resource_use.large', repeat('x', (random() * 10000000)::int), false); END LOOP; END $$}) for @growing;
	wait_for('memory', sub { shown($_, 'memory_bytes > 5000000') eq 't' }) for @growing;
	my $largest = q{usename = 'app' and memory_bytes = (select max(memory_bytes) from sessionctl.session_activity where usename = 'app')};
	is(join(' ', map { $admin->run("SELECT sessionctl.safe_count(\$\$$largest\$\$) >= 1") } 1 .. 20), join(' ', ('t') x 20), 'the largest is found each time');
	is($admin->run(q{SELECT sessionctl.safe_count('usename = ''app'' and memory_bytes <> memory_bytes')}), 0, 'no figure differs from itself');
	$admin->run('SELECT pg_terminate_backend(' . $_->pid . ')') for @growing;
	$_->quit for @growing;
};

subtest 'which roles may see it' => sub {
	my ($session, $own, $other) = (session(), session(user => 'other'), session(user => 'other'));
	spill($session, 20_000);
	$other->run('SET client_min_messages = warning');
	my $seen = q{memory_bytes > 0, cpu_time >= '0', temp_bytes > 0};
	is(shown($session, $all, $other), '||||', 'not a role that may not see the session');
	my $identity = $session->pid . ", '" . shown($session, 'backend_start') . "'";
	is($other->run('SELECT ' . join ', ', map { "sessionctl._$_($identity)" } split /, /, $all), '||||', 'nor by the functions behind it');
	is($other->run(q{SELECT count(*) FROM sessionctl.preview_where('memory_bytes is not null or cpu_time is not null or read_bytes is not null
		or write_bytes is not null or temp_bytes is not null') WHERE usename <> 'other'}), 0, 'nor by a condition');
	is($other->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE usename <> 'other' AND 1 / (temp_bytes - temp_bytes) > 0}), 0, 'nor by an error');
	is(shown($own, q{memory_bytes > 0, cpu_time >= '0', temp_bytes = 0}, $other), 't|t|t', 'of its own sessions it may');
	is(shown($session, $seen), 't|t|t', 'superusers may');
	if ($version >= 100000)
	{
		$admin->run('GRANT pg_read_all_stats TO other');
		is(shown($session, $seen, $other), 't|t|t', 'members of pg_read_all_stats may');
		$admin->run('REVOKE pg_read_all_stats FROM other; GRANT pg_monitor TO other');
		is(shown($session, $seen, $other), 't|t|t', 'so may those of pg_monitor');
	}
	$_->quit for $session, $own, $other;
};

subtest 'another process with that pid' => sub {
	my $session = session();
	my $start = shown($session, 'backend_start');
	my $pid = $session->pid;
	is($admin->run("SELECT sessionctl._memory_bytes($pid, '$start') > 0"), 't', 'the session');
	is($admin->run('SELECT ' . join ', ', map { "sessionctl._$_($pid, timestamptz '$start' - interval '1 s')" } split /, /, $all), '||||', 'not one before it');
	is($admin->run('SELECT ' . join ', ', map { "sessionctl._$_(NULL, NULL), sessionctl._$_($pid, NULL), sessionctl._$_(0, '$start')" } split /, /, $all),
		'|' x 14, 'nobody');
	$session->quit;
};

done_testing();
