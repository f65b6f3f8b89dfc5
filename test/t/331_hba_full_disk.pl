# lockdown_server() by pg_hba.conf on a full disk can be undone and unlocked, and leaves no partial file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SmallDisk;
use FullDiskTest;
use GateTest;
use SessionctlTest;
use Test::More;

begin_on_full_disk(q{'hba'});
my $file = $node->data_dir . '/pg_hba.conf';
my $rejected = qr/^FATAL 28000 pg_hba\.conf rejects connection/;
# Longer than one block of the disk.
my $rules = join '', map { "$_\n" } 'local all all trust', ('# ' . 'x' x 97) x 60;

sub is_open
{
	my ($text, $name) = @_;
	is(read_file($file), $text, "$name: the file is what it was, byte by byte");
	is(join(' ', glob "$file.*"), '', "$name: none is left beside it");
	# A failure puts the file back, and the server reads it a moment later.
	return wait_for('everybody to get in', sub { log_in($node, 'other') eq 'in' });
}

sub is_closed
{
	my ($name) = @_;
	ok(!-e "$file.pg_sessionctl.tmp", "$name: no half of a file is left");
	return like(log_in($node, 'other'), $rejected, "$name: closed");
}

sub unfinished
{
	my @call = begin_lockdown();
	like(read_file($file), qr/reason "unfinished"/, 'it is under way');
	return @call;
}

write_file($file, $rules);
restart();

for my $full (sort keys %fill)
{
	my $fill = $fill{$full};

	subtest "no $full: refused" => sub {
		$fill->();
		like(lock_down(), qr/\AERROR:  53100: could not (?:write|create) file ".*": No space left on device\nDETAIL:  pg_hba\.conf was not changed\.\nHINT:  .*method => 'gate', which needs no space\.\z/,
			'locked down: an error tells what can be done');
		is_open($rules, 'refused');
		like(answer_of($admin, 'sessionctl.lockdown_server()'), qr/^WARNING:  53100: .*\n0\z/s, 'which can be done');
		is(unlock(), 't', 'unlocked');
		free_disk();
		lock_down();
		my $locked = read_file($file);
		$fill->();
		like(lock_down(q{reason => 'another'}), qr/\AERROR:  53100: /, 'another lockdown: an error, too');
		is(read_file($file), $locked, 'the first is as it was');
		is_closed('the first');
		restart($fill);
		is_closed('after a restart');
		is(unlock(), 't', 'unlocked');
		is_open($rules, 'unlocked');
		free_disk();
	};

	subtest "no $full: unlocked" => sub {
		my @status = (stat $file)[1, 2, 4, 5, 9];
		is(lock_down(), '0', 'locked down');
		is_closed('locked');
		$fill->();
		is(unlock(), 't', 'unlocked');
		is_open($rules, 'unlocked');
		is_deeply([ (stat $file)[1, 2, 4, 5, 9] ], \@status, 'it is the same file, in all that it has');
		restart($fill);
		is_open($rules, 'after a restart');
		free_disk();

		lock_down();
		is(lock_down(q{allow_roles => '{app}'}), '0', 'locked down a second time');
		chmod 0640, $file;
		$fill->();
		restart($fill);
		is_closed('after a restart');
		is(log_in($node, 'app'), 'in', 'with its exceptions');
		is(unlock(), 't', 'unlocked');
		is_open($rules, 'unlocked');
		is((stat $file)[2] & 07777, 0640, 'the mode is the one that it had last');
		chmod $status[1] & 07777, $file;
		free_disk();
	};

	subtest "no $full: edited, then unlocked" => sub {
		lock_down();
		write_file($file, "# before\n" . read_file($file) . "# after\n");
		$fill->();
		is(unlock(), 't', 'unlocked');
		is_open("# before\n$rules# after\n", 'unlocked');
		restart($fill);
		is_open("# before\n$rules# after\n", 'after a restart');
		free_disk();
		write_file($file, $rules);
	};

	for my $how (qw(cancel terminate))
	{
		subtest "no $full: $how, from open" => sub {
			my $position = log_position($node);
			my @call = unfinished();
			$fill->();
			end_it($how, @call);
			is_open($rules, 'undone');
			is((grep { /result="undone in pg_hba\.conf"/ } gate_lines($node, $position)), 1, 'the log says so');
			restart($fill);
			is_open($rules, 'after a restart');
			free_disk();
		};

		subtest "no $full: $how, from closed" => sub {
			lock_down(q{allow_roles => '{app}', reason => 'first'});
			my $locked = read_file($file);
			my @call = unfinished();
			$fill->();
			end_it($how, @call);
			is(read_file($file), $locked, 'the first is back');
			wait_for('its exceptions to be let in', sub { log_in($node, 'app') eq 'in' });
			is_closed('the first');
			restart($fill);
			is(read_file($file), $locked, 'a restart does not change that');
			is_closed('after a restart');
			is(unlock(), 't', 'unlocked');
			is_open($rules, 'unlocked');
			free_disk();
		};

		subtest "no $full: $how, edited meanwhile" => sub {
			my @call = unfinished();
			write_file($file, "# before\n" . read_file($file) . "# after\n");
			$fill->();
			end_it($how, @call);
			is_open("# before\n$rules# after\n", 'undone');
			free_disk();
			write_file($file, $rules);
		};
	}
}

subtest 'a block taken out by hand' => sub {
	lock_down();
	write_file($file, $rules);
	write_file("$file.pg_sessionctl.tmp", 'half of it');
	$node->reload;
	is(unlock(), "NOTICE:  00000: the server is not locked down\nf", 'there is nothing to unlock');
	is_open($rules, 'and what was beside the file is gone');
};

subtest 'what a crash left' => sub {
	write_file("$file.pg_sessionctl.$_", 'half of it') for qw(tmp old);
	is(lock_down(), '0', 'locked down');
	is_closed('locked');
	is(unlock(), 't', 'unlocked');
	is_open($rules, 'unlocked');
	lock_down();
	my $locked = read_file($file);
	write_file("$file.pg_sessionctl.$_", 'half of it') for qw(tmp old);
	is(unlock(), 't', 'unlocked with something else in the file that was kept');
	is_open($rules, 'unlocked');
	lock_down();
	unlink "$file.pg_sessionctl.old" or die "cannot remove the file that was kept: $!";
	fill_disk();
	my $before = read_file($file);
	like(unlock(), qr/\AERROR:  53100: could not write file ".*": No space left on device\nDETAIL:  .*\nHINT:  Free some space, or delete the lines/, 'or without it: an error');
	is(read_file($file), $before, 'and the file is as it was');
	free_disk();
	is(unlock(), 't', 'with space it is unlocked');
	is_open($rules, 'unlocked');
};

$admin->quit;
done_testing();
