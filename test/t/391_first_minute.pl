# The first example of README.md, run from README.md itself: it ends the one session that blocks the others, and no waiter
# in the middle of the queue. No other page shows the condition that would end waiters.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Documentation;
use LockTest;
use SessionctlTest;
use Test::More;

my $root = documentation_root();
plan skip_all => 'README.md does not lie beside these tests' if !-e "$root/README.md";

my ($look, $preview, $end) = documentation_section('README.md', 'The first minute') =~ /^shop=# (SELECT .*?;)$/msg;

my $node = new_lock_server('first_minute');
my $admin = SessionctlTest::Session->new($node, app => 'psql');
$admin->run('CREATE TABLE orders AS SELECT 7 AS id; CREATE ROLE regina LOGIN; CREATE ROLE app LOGIN; GRANT ALL ON orders TO regina, app');
my $regina = session($node, user => 'regina', app => 'psql');
my ($middle, $last) = map { session($node, app => 'web') } 1, 2;
$regina->run('BEGIN; DELETE FROM orders WHERE id = 7');
waits($admin, $middle, 'BEGIN; SELECT id FROM orders WHERE id = 7 FOR UPDATE');
waits($admin, $last, 'SELECT id FROM orders WHERE id = 7 FOR UPDATE');

s/\b(datname = )'shop'/$1'postgres'/ for $look;
my %blocks = map { my @column = split /\|/; ($column[0] => $column[5]) } split /\n/, $admin->run($look);
is_deeply([ map { $blocks{ $_->pid } } $regina, $middle, $last ], [ 2, 1, 0 ], 'a queue as it is shown');
like($admin->run($preview), qr/\A@{[ $regina->pid ]}\|chosen\|regina\|idle in transaction\|\z/, 'she would be ended, and nobody else');
my $position = log_position($node);
is($admin->run($end), '1', 'and is');
my ($line) = documentation_section('README.md', 'The first minute') =~ /^LOG:  pg_sessionctl: mark=\w+ (.*)$/m;
is(keys_of($line), keys_of(audit_lines($node, $position)), 'the server log has what is shown');
like($regina->end_messages, qr/^FATAL:  terminating connection/m, 'she reads it');
is($middle->answer, '7', 'the session in the middle of the queue goes on');
ok($middle->lives && $middle->run('COMMIT') eq '', 'and was not hit');
is($last->answer, '7', 'so does the last');

sub keys_of { my ($line) = @_; return join ' ', $line =~ s/"[^"]*"//gr =~ /(\w+)=/g }

# "blocking_count > n" as the whole of a condition, wherever a reader might copy it.
for my $file (map { glob "$root/$_" } qw(README.md CHANGELOG.md SECURITY.md doc/*.md doc/guide/*.md sql/*.sql script/demo test/t/*.pl test/sessions/*.sh test/sql/*.sql))
{
	my @bare = grep { /_(where|report)\(.*\bblocking_count\s*>/ && !/\bblocked_by\s*=/ } split /\n/, read_file($file);
	is("@bare", '', "$file: who blocks others and waits himself is not ended") if @bare || $file =~ /README/;
}

done_testing();
