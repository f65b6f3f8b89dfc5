# The caller's session is never acted on, not even from a parallel worker of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('never_the_caller');
my $caller = SessionctlTest::Session->new($node);

for my $condition ('true', 'is_self', 'pid = ' . $caller->pid)
{
	like($caller->run("SELECT sessionctl.terminate_where('$condition', include_superusers => true, timeout => '0')"),
		qr/NOTICE:  matched \d+: \d+ spared \(.*self.*\)\n(HINT: .*\n)?0\z/, $condition);
	ok($caller->lives, 'the caller lives');
}

# Somebody declares safe for parallel workers what is not.
subtest 'in a parallel worker' => sub {
	my $setting = $caller->run(q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
	plan skip_all => 'no parallel query can be forced' unless $setting;
	$caller->run(q{CREATE FUNCTION in_a_worker(leader integer) RETURNS text PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN
			IF pg_backend_pid() = leader THEN RETURN 'no worker'; END IF;
			RETURN sessionctl.terminate_where('pid = $1::integer', ARRAY[leader::text], include_superusers => true,
				timeout => '0');
		END$$});
	$caller->run("SET $setting = on");
	like($caller->run('SELECT in_a_worker(' . $caller->pid . ')'),
		qr/matched 1: 1 spared \(self\)\n(.*\n)*0\z/, 'its leader is spared');
	ok($caller->lives, 'and lives');
};

$caller->quit;
done_testing();
