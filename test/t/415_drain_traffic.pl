# drain_where under full load: every acknowledged transaction is there, and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;
use Traffic;

my $rounds = $ENV{DRAIN_ROUNDS} || 40;

# Drains clients of all ways again and again; what is not as it must be.
sub play
{
	my ($node, $admin, $is_exact, %with) = @_;
	my (%inside, @wrong);
	for my $round (1 .. $rounds)
	{
		my @clients = map { Traffic->new($node, (Traffic::ways())[ $_ % 4 ], $_, %with) } 0 .. 3;
		wait_for('traffic', sub { $admin->run('SELECT count(DISTINCT client) FROM done') eq '4' });
		my $answer = $admin->run(q{SELECT sessionctl.drain_where($$usename = 'app'$$, reason => 'at full speed')});
		push @wrong, "round $round: drained $answer" if $answer ne '4';
		for my $client (@clients)
		{
			my ($acknowledged, $sqlstate, $where, $detail) = $client->result;
			my $rows = $admin->run("SELECT count(*) || ' ' || max(a) FROM done WHERE client = $client->{number}");
			# TCP resets a connection that is closed while a statement has come in: the server's last words may be lost.
			# A session that was asked to leave waits for its client to hang up: of those only the very last one.
			my $may_be_lost = $with{tcp} && $sqlstate eq 'nothing';
			my $is_right = $rows eq "$acknowledged $acknowledged" || ($may_be_lost && !$is_exact && (split ' ', $rows)[0] > $acknowledged);
			push @wrong, "round $round, $client->{way}: $acknowledged acknowledged, there (count, last): $rows" if !$is_right;
			push @wrong, "round $round, $client->{way}: ended with $sqlstate" if $sqlstate ne '57P01' && !$may_be_lost;
			push @wrong, "round $round, $client->{way}: no reason" if $is_exact && $sqlstate eq '57P01' && $detail !~ /at full speed/;
			$inside{ $client->{way} }++ if $where eq 'inside';
		}
		$admin->run('TRUNCATE done');
	}
	push @wrong, 'in the middle of a transaction: ' . join ' ', map { "$_ $inside{$_}" } sort keys %inside if %inside && $is_exact;
	note join ', ', 'in the middle of a transaction, of ' . $rounds, map { "$_ $inside{$_}" } sort keys %inside;
	return @wrong;
}

for my $preloaded (1, 0)
{
	my $name = $preloaded ? 'preloaded' : 'not preloaded';
	my $node = new_server($preloaded ? 'traffic_preloaded' : 'traffic',
		conf => "fsync = off\nlog_min_messages = log\nlisten_addresses = '127.0.0.1'\n"
		  . ($preloaded ? "shared_preload_libraries = 'pg_sessionctl'\n" : ''));
	my $admin = SessionctlTest::Session->new($node);
	$admin->run('CREATE ROLE app LOGIN; CREATE TABLE done (client int, a int); GRANT ALL ON done TO app');
	is(join("\n", play($node, $admin, $preloaded, tcp => $_)), '', "$name, $rounds drains over " . ($_ ? 'TCP' : 'a Unix socket'))
	  for 0, 1;
	unlike(read_file($node->logfile), qr/was terminated by signal|PANIC/, "$name: no process crashed");
	$admin->quit;
	$node->stop;
}

done_testing();
