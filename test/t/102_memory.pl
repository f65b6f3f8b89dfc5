# Fifty thousand errors of each kind in one session leave its resident memory where it was.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

plan skip_all => 'needs /proc/<pid>/status' unless -r '/proc/self/status';
plan skip_all => 'a sanitizer keeps what is freed' if $ENV{SESSIONCTL_SANITIZED};

my $errors = 50_000;
my $at_once = 5_000;
my $allowed = 2 * 1024;    # kB

my $node = boundary_node('memory');
my $bystander = bystander($node);

# Each error in an exception block of PL/pgSQL
my %fails = (
	'fail_often(statement text, often integer)' => 'execute statement',
	'fail_in_turn(often integer)' => q{perform sessionctl_test.raise((array['postgres', 'core', 'standard'])[i % 3 + 1])});
$bystander->run(<<"SQL") for sort keys %fails;
create function $_ returns integer language plpgsql as \$\$
declare
    caught integer := 0;
begin
    for i in 1..often loop
        begin
            $fails{$_};
        exception when others then
            caught := caught + 1;
        end;
    end loop;
    return caught;
end
\$\$;
SQL

sub resident    # kB
{
	my ($pid) = @_;
	open my $status, '<', "/proc/$pid/status" or die $!;
	return (map { /^VmRSS:\s+(\d+) kB/ } <$status>)[0];
}

sub stays_small
{
	my ($name, $call) = @_;
	my $session = SessionctlTest::Session->new($node);
	my $fail = sub { return $session->run(sprintf($call, $at_once)) };
	$fail->();
	my $before = resident($session->pid);
	my $caught = 0;
	$caught += $fail->() for 1 .. $errors / $at_once;
	my $after = resident($session->pid);
	subtest $name => sub {
		is($caught, $errors, "$errors errors");
		cmp_ok($after - $before, '<=', $allowed, "memory stays: $before kB before, $after kB after");
	};
	$session->quit;
	return;
}

stays_small($_, "select fail_often(\$\$select sessionctl_test.raise('$_')\$\$, %d)")
  for qw(postgres core position memory standard unknown);
stays_small('nested', 'select fail_often($$select sessionctl_test.nest(2)$$, %d)');
stays_small('while another is handled', 'select fail_often($$select sessionctl_test.raise_in_catch()$$, %d)');
stays_small('three kinds in turn', 'select fail_in_turn(%d)');
stays_small('caught in C++', 'select sessionctl_test.survive(%d)');

is_undisturbed($node, $bystander);
done_testing();
