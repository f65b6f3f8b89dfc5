# The gate on a full disk closes and opens, a canceled call is undone, and no restart brings it back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SmallDisk;
use FullDiskTest;
use GateTest;
use SessionctlTest;
use Test::More;

begin_on_full_disk();
log_in($node, $_) for qw(app other boss);    # so that there are caches of the catalogs
my $refused = 'FATAL 57P03 the server is locked down Locked by role "postgres" until it is unlocked';

sub no_files
{
	my ($name) = @_;
	return is(join(' ', glob gate_file($node) . '*'), '', "$name: no file is left");
}

sub one_file
{
	my ($text, $name) = @_;
	is(join(' ', map { s/.*\///r } glob gate_file($node) . '*'), 'pg_sessionctl.gate', "$name: no file is left beside it");
	return is(read_file(gate_file($node)), $text, "$name: it has the rule in force");
}

sub unwritten
{
	my ($after_restart) = @_;
	return qr/\AWARNING:  53100: could not (?:write|create) file "pg_sessionctl\.gate": No space left on device\nDETAIL:  The server is locked down, but a restart or a crash $after_restart\.\nHINT:  Lock it down again when the file can be written\.\n\d+\z/;
}

sub unfinished
{
	my @call = begin_lockdown();
	like(log_in($node, 'other'), qr/unfinished/, 'it is under way, and closed');
	return @call;
}

for my $full (sort keys %fill)
{
	my $fill = $fill{$full};

	subtest "no $full: closed and opened" => sub {
		$fill->();
		my $position = log_position($node);
		my $session = SessionctlTest::Session->new($node, user => 'app');
		like(lock_down(), unwritten('opens it'), 'locked down, with a warning');
		ok(!$session->lives, 'the connected session is ended');
		$session->quit;
		is(log_in($node, 'other'), "$refused.", 'closed');
		no_files('closed');
		like((gate_lines($node, $position))[0], qr/^action=lockdown_server result="closed until a restart" /, 'the log says for how long');
		is(unlock(), 't', 'unlocked');
		is(log_in($node, 'other'), 'in', 'open');
		lock_down();
		restart($fill);
		is(log_in($node, 'other'), 'in', 'a restart opens it, as the warning said');
		free_disk();
	};

	subtest "no $full: unlocked what was written" => sub {
		is(lock_down(), '0', 'locked down');
		$fill->();
		restart($fill);
		is(log_in($node, 'other'), "$refused.", 'closed after a restart');
		is(unlock(), 't', 'unlocked, without a word');
		no_files('open');
		restart($fill);
		is(log_in($node, 'other'), 'in', 'open after a restart');
		free_disk();
	};

	for my $how (qw(cancel terminate))
	{
		subtest "no $full: $how, from open" => sub {
			for my $first (1, 0)
			{
				my $when = $first ? 'full before' : 'full after';
				$fill->() if $first;
				my @call = unfinished();
				$fill->() if !$first;
				end_it($how, @call);
				is(log_in($node, 'other'), 'in', "$when: open");
				no_files($when);
				restart($fill);
				is(log_in($node, 'other'), 'in', "$when: open after a restart");
				free_disk();
			}
		};

		subtest "no $full: $how, from closed" => sub {
			for my $first (1, 0)
			{
				my $when = $first ? 'full before' : 'full after';
				is(lock_down(q{allow_roles => '{app}', reason => 'ticket 4711'}), '0', 'locked down');
				my $rule = read_file(gate_file($node));
				$fill->() if $first;
				my @call = unfinished();
				$fill->() if !$first;
				end_it($how, @call);
				is(log_in($node, 'other'), "$refused: ticket 4711", "$when: closed as before");
				is(log_in($node, 'app'), 'in', "$when: with its exceptions");
				one_file($rule, $when);
				restart($fill);
				is(log_in($node, 'other'), "$refused: ticket 4711", "$when: after a restart, too");
				is(log_in($node, 'app'), 'in', "$when: with its exceptions");
				is(unlock(), 't', 'unlocked');
				no_files('unlocked');
				free_disk();
			}
		};
	}

	subtest "no $full: another rule" => sub {
		lock_down(q{reason => 'first'});
		my $rule = read_file(gate_file($node));
		$fill->();
		like(lock_down(q{reason => 'second'}), unwritten('brings back the lockdown before it'), 'locked down, with a warning');
		is(log_in($node, 'other'), "$refused: second", 'the second is in force');
		one_file($rule, 'the first is written');
		restart($fill);
		is(log_in($node, 'other'), "$refused: first", 'a restart brings the first back, as the warning said');
		free_disk();
		is(lock_down(q{reason => 'third'}), '0', 'with space there is no warning');
		restart();
		is(log_in($node, 'other'), "$refused: third", 'and a restart comes back with that one');
		unlock();
	};

	subtest "no $full: somebody else meanwhile" => sub {
		lock_down(q{allow_roles => '{app}', reason => 'first'});
		my $rule = read_file(gate_file($node));
		my @call = unfinished();
		$fill->();
		like(lock_down(q{reason => 'theirs', terminate => false}), qr/^WARNING:  53100: /, 'locks it down, with a warning');
		end_it('cancel', @call);
		is(log_in($node, 'other'), "$refused: theirs", 'theirs is in force');
		one_file($rule, 'what was cancelled is not in the file');
		restart($fill);
		is(log_in($node, 'other'), "$refused: first", 'nor does a restart bring it back');
		unlock();
		free_disk();
	};

	subtest "no $full: a time that is over" => sub {
		lock_down(q{until => clock_timestamp() + '700 ms', terminate => false});
		$fill->();
		wait_for('it to open', sub { log_in($node, 'other') eq 'in' });
		no_files('open');
		free_disk();
	};

	subtest "no $full: the audit" => sub {
		$admin->quit;
		$fill->();
		my $position = log_position($node);
		$node->stop;
		is(join(' ', glob $node->data_dir . '/pg_stat/*.new'), '', 'a stop leaves no half of a file');
		free_disk();
		$node->start;
		$admin = SessionctlTest::Session->new($node);
		cmp_ok($admin->run('SELECT count(*) FROM sessionctl.session_audit'), '>', 0, 'what was kept before is still there');
	};
}

subtest 'what a crash left' => sub {
	lock_down(q{reason => 'ticket 4711'});
	my $rule = read_file(gate_file($node));
	$admin->quit;
	$node->stop;
	my @left = (gate_file($node) . '.new', gate_file($node) . '.old', $node->data_dir . '/pg_stat/pg_sessionctl.audit.new');
	for my $path (@left)
	{
		open my $file, '>', $path or die "cannot open $path: $!";
		print $file 'half of it';
		close $file;
	}
	$node->start;
	$admin = SessionctlTest::Session->new($node);
	one_file($rule, 'a start');
	ok(!-e $left[2], 'and none of the audit');
	is(log_in($node, 'other'), "$refused: ticket 4711", 'closed as before');
	unlock();
};

$admin->quit;
done_testing();
