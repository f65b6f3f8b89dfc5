# Beside a rule that matches half of all transactions, at full speed, nobody is ended in the other half: neither between
# a client's statements, nor in a procedure that commits in a loop.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_same_transaction', conf => "fsync = off\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE TABLE marked (client int, number int); CREATE TABLE innocent (client int, number int);
	GRANT ALL ON marked, innocent TO PUBLIC});

# Those that were ended after a marked transaction had been committed, and before the innocent one behind it was.
sub wrongly_ended
{
	return $admin->run(q{SELECT count(*) FROM (SELECT client, max(number) FROM marked GROUP BY 1 EXCEPT SELECT client, max(number) FROM innocent GROUP BY 1) AS m});
}

sub run_all
{
	my ($count, $sql_of) = @_;
	$admin->run('TRUNCATE marked, innocent');
	my @clients = map { SessionctlTest::Session->new($node, user => 'app', app => 'innocent') } 1 .. $count;
	for my $client (0 .. $#clients)
	{
		# psql reads a file: what goes to its standard input it may not read any more.
		my $file = $node->basedir . "/client$client";
		open my $script, '>', $file or die $!;
		print $script $sql_of->($client), ";\n";
		close $script;
		$clients[$client]->send("\\i $file\nSELECT 1");
	}
	$_->answer for @clients;
	my $ended = grep { !$_->lives } @clients;
	$_->quit for @clients;
	return $ended;
}

rule($admin, 'marked', q{application_name = 'marked'}, action => 'terminate');

subtest 'short transactions' => sub {
	my $ended = run_all(6, sub {
		my ($client) = @_;
		return join ";\n", map {
			("BEGIN; SET LOCAL application_name = 'marked'; INSERT INTO marked VALUES ($client, $_); COMMIT", "INSERT INTO innocent VALUES ($client, $_)")
		} 1 .. 3000;
	});
	cmp_ok($ended, '>', 0, 'some are ended');
	is(wrongly_ended(), '0', 'none of them in a later transaction');
};

subtest 'procedures' => sub {
	plan skip_all => 'procedures came with 11' if $admin->run('SHOW server_version_num') < 110000;
	$admin->run(q{CREATE PROCEDURE run(client int) LANGUAGE plpgsql AS $$
		BEGIN
			FOR number IN 1 .. 1000000 LOOP
				PERFORM set_config('application_name', 'marked', true);
				INSERT INTO public.marked VALUES (client, number);
				COMMIT;
				INSERT INTO public.innocent VALUES (client, number);
				COMMIT;
			END LOOP;
		END$$});
	my $ended = run_all(12, sub { "CALL run($_[0])" });
	is($ended, 12, 'all are ended');
	is(wrongly_ended(), '0', 'none of them in a later transaction');
};

done_testing();
