# Errors of C++ functions in expressions that are compiled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('jit');
my $bystander = bystander($node);
my $session = SessionctlTest::Session->new($node);

plan skip_all => 'this server compiles no expressions: llvmjit is not installed'
  unless $session->run('select pg_jit_available()') eq 't';

$session->run(<<'SQL');
set jit = on;
set jit_above_cost = 0;
set jit_inline_above_cost = 0;
set jit_optimize_above_cost = 0;
create extension pg_sessionctl;
create table kinds (kind text);
insert into kinds values ('postgres'), ('core'), ('memory'), ('standard'), ('unknown');
SQL

my $explain = $session->run('explain (analyze) select sessionctl.safe_count(kind) from kinds where kind is null');
like($explain, qr/^ *Options: Inlining true, Optimization true, Expressions true/m, 'expressions are compiled');

my %error_of = (
	postgres => 'the message',
	core => 'the message',
	memory => 'out of memory',
	standard => 'the message',
	unknown => 'unknown C++ exception');

for my $kind (sort keys %error_of)
{
	my $error = qr/^ERROR:  \Q$error_of{$kind}\E$/m;
	like(
		$session->run("select sessionctl_test.raise(kind) from kinds where kind = '$kind'"),
		$error, "$kind: in a select list");
	like(
		$session->run("select 1 from kinds where case kind when '$kind' then sessionctl_test.raise(kind) is not null end"),
		$error, "$kind: in a condition");
	like(
		$session->run("select sum(length(kind || sessionctl_test.raise(kind)::text)) from kinds where kind = '$kind'"),
		$error, "$kind: in an aggregate");
}
is($session->run('select sessionctl_test.destroyed()'), 30, 'every object was destroyed');

like(
	$session->run(q{select sessionctl.safe_count(kind || ' =') from kinds where kind = 'core'}),
	qr/^ERROR:  syntax error/m, 'a condition that does not parse');
like($session->run('select sessionctl.safe_count(nullif(kind, kind)) from kinds'),
	qr/^ERROR:  .*null/m, 'a condition that is null');
like($session->run(q{select count(*) from kinds where sessionctl.safe_count(kind || ' > 0') = 0}),
	qr/^ERROR:  column "postgres" does not exist/m, 'a condition with an unknown column');
is($session->run('select count(*) from sessionctl.session_activity where is_self and cardinality(blocked_by) = 0'),
	1, 'the view');
ok($session->lives, 'the session goes on');

is_undisturbed($node, $bystander);
done_testing();
