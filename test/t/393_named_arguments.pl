# Arguments are named in the words of the server at hand: 9.4 knows := alone. Its messages ask for that in one place, and
# README.md says it once, at the first such call.

use strict;
use warnings;

use File::Find;
use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $root = "$FindBin::Bin/../..";
plan skip_all => 'the checkout does not lie beside these tests' if grep { !-e "$root/$_" } qw(README.md src);

my @sources;
find({ no_chdir => 1, wanted => sub { push @sources, $_ if /\.[ch]pp$/ } }, "$root/src");
my @bare = map { my $file = $_; map { "$file: $_" } grep { !m{^\s*//} && /".*=>.*"/ } split /\n/, read_file($file) } @sources;
is_deeply([ grep { !m{/core/version\.hpp: } } @bare ], [], 'no message but by argument_sign');
is(scalar @bare, 1, 'which is there');

my $readme = read_file("$root/README.md");
my $call = qr/^(?:\w+=# )?(?:SELECT|CALL) [^\n]*? (\w+) => .*?/m;
$readme =~ $call or die 'no such call';
my ($first, $name) = ($-[0], $1);
my ($note) = $readme =~ /PostgreSQL 9\.4 knows no `=>`[^\n]*`(\w+) := /;
is($note, $name, 'README.md says how the first call is written on 9.4');
ok($-[0] > $first && substr($readme, $first, $-[0] - $first) !~ /\n#/, 'in the same part, right after it');
is(scalar(() = $readme =~ /knows no `=>`/g), 1, 'once');

# What the server at hand understands is what it is told.
my $node = new_server('named_arguments');
my $admin = SessionctlTest::Session->new($node);
my $hint = $admin->complaint('SELECT sessionctl.lockdown_server()') =~ /method (\S+) 'hba'/ ? $1 : '';
is($hint, $node->safe_psql('postgres', 'SHOW server_version_num') < 90500 ? ':=' : '=>', 'a hint');
like($admin->complaint("SELECT sessionctl.safe_count('false', keep $hint 1)"), qr/\A\z/, 'is understood');

done_testing();
