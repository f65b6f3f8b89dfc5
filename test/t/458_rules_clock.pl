# The wall clock jumps: session rules end nobody early, neither by an age in a condition nor by matching_for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

# The whole server lives in faked time, except for its monotonic clock.
my ($library) = glob '/usr/lib*/{*/,}faketime/libfaketime.so.1';
plan skip_all => 'libfaketime (the package faketime) is not installed' if !$library;

my $node = new_node('rules_clock');
init_node($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sessionctl'\npg_sessionctl.rules = on\nlog_line_prefix = '%m %c [%p] '\n");
my $clock = $node->basedir . '/clock';

sub set_clock
{
	my ($offset) = @_;
	open my $file, '>', "$clock.new" or die $!;
	print $file "$offset\n";
	close $file;
	rename "$clock.new", $clock or die $!;
	return;
}

set_clock('+0');
{
	local $ENV{LD_PRELOAD} = join ' ', grep { $_ } $ENV{LD_PRELOAD}, $library;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{DONT_FAKE_MONOTONIC} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN');
my $admin = SessionctlTest::Session->new($node);
my $session = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
$session->run('BEGIN');
rule($admin, 'age', q{application_name = 'victim' AND idle_in_transaction_for > '10 min'}, action => 'terminate');
rule($admin, 'lasting', q{application_name = 'victim'}, action => 'terminate', matching_for => '10 min');
checked_again($admin, $_) for qw(age lasting);

for my $offset ('+3600', '+7200', '-3600', '+0')
{
	set_clock($offset);
	checked_again($admin, $_) for qw(age lasting age lasting);
	ok(is_running($session->pid), "$offset s: nobody is ended");
}
rule($admin, 'short', q{application_name = 'victim' AND idle_in_transaction_for > '300 ms'}, action => 'terminate');
wait_for_end($session);
pass('who is over a real age is ended all the same');
$session->quit;

done_testing();
