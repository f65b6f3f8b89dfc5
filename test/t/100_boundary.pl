# Errors pass through C++ code: PostgreSQL's error arrives complete, and every object on the way is destroyed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('boundary');
my $bystander = bystander($node);
my $session = SessionctlTest::Session->new($node);

# told(statement) is the error of a statement: all of its fields, and last how many witnesses were destroyed.
$session->run(<<'SQL');
create function told(statement text) returns text language plpgsql as $$
declare
    code text; message text; detail text; hint text; context text;
    sch text; tab text; col text; typ text; con text;
begin
    perform sessionctl_test.destroyed();
    execute statement;
    return 'no error';
exception when others then
    get stacked diagnostics code = returned_sqlstate, message = message_text, detail = pg_exception_detail,
        hint = pg_exception_hint, context = pg_exception_context, sch = schema_name, tab = table_name,
        col = column_name, typ = pg_datatype_name, con = constraint_name;
    return array_to_string(array[code, message, detail, hint, split_part(context, E'\n', 1), sch, tab, col, typ, con,
        sessionctl_test.destroyed()::text], '|', '-');
end
$$;
SQL

sub told { return $session->run("select told(\$\$$_[0]\$\$)") }

my $whole = '23514|the message|the detail|the hint|the context|the schema|the table|the column|the type|the constraint';

# An error without CONTEXT and names of its own
sub plain
{
	my ($statement, $code, $message, $detail, $hint, $destroyed) = @_;
	return join '|', $code, $message, $detail, $hint, qq(SQL statement "$statement"), ('') x 5, $destroyed;
}

subtest 'errors of PostgreSQL' => sub {
	is(told(q{select sessionctl_test.raise('postgres')}), "$whole|2", 'arrive whole, and destructors run');
	is(told('select sessionctl_test.call_in_call()'), "$whole|2", 'through a call within a call');
	is(told('select sessionctl_test.nest(0)'), "$whole|1", 'through one level');
	is(told('select sessionctl_test.nest(20)'), "$whole|21", 'through twenty-one levels of C++ and SQL in turn');
	is( told('select sessionctl_test.raise_in_catch()'),
		plain('select sessionctl_test.raise_in_catch()', 'XX000', 'after "the message"', '', '', 1),
		'one that comes while another is handled takes its place');
	is($session->run('select sessionctl_test.nest(2)'), <<'ERROR' =~ s/\n$//r, 'each level adds its own context');
ERROR:  the message
DETAIL:  the detail
HINT:  the hint
CONTEXT:  the context
SQL statement "select sessionctl_test.nest(0)"
SQL statement "select sessionctl_test.nest(1)"
ERROR
};

# The error leaves its context callback on PostgreSQL's stack. It has to be off when the next error comes.
subtest 'nothing is left behind' => sub {
	my $position = log_position($node);
	is($session->run('select sessionctl_test.survive(1)'), 1, 'an error can be survived in a subtransaction');
	unlike($session->run('select 1/0'), qr/the context/, 'the next error has no context of it');
	my $error = $session->run_verbose(q{select sessionctl_test.raise('postgres')});
	like($error, qr/^CONTEXT:  the context$/m, 'one that is reported has its own');
	like($error, qr/^LOCATION:  \w+, errors\.cpp:\d+$/m, 'and the line of source where it was raised');
	unlike($session->run('select 1/0'), qr/the context/, 'the next error has no context of that one either');
	unlike($session->run(q{select sessionctl_test.raise('core')}), qr/the context/, 'nor has an error of our own');
	like(log_since($node, $position), qr/DETAIL:  for the log only/, 'what is for the log only gets there');
};

subtest 'exceptions of C++' => sub {
	my %fields = (
		core => [ '22023', 'the message', 'the detail', 'the hint' ],
		memory => [ '53200', 'out of memory', 'A C++ allocation failed.', '' ],
		standard => [ 'XX000', 'the message', '', '' ],
		unknown => [ 'XX000', 'unknown C++ exception', '', '' ],
		position => [ '42601', 'the message', '', '' ]);
	for my $kind (sort keys %fields)
	{
		my $statement = "select sessionctl_test.raise('$kind')";
		is(told($statement), plain($statement, @{ $fields{$kind} }, 2), $kind);
	}
	like(
		$session->run(q{select sessionctl_test.raise('position')}),
		qr/^LINE 1: one two three\n {12}\^$/m,
		'a place in a text is shown with a caret');
};

is($session->run(<<'SQL'), "1\nERROR:  the message\n2", 'after a savepoint the transaction goes on');
\set VERBOSITY terse
begin;
select 1;
savepoint s;
select sessionctl_test.raise('standard');
rollback to s;
select 2;
commit;
SQL

is_undisturbed($node, $bystander);
done_testing();
