# A small disk that can be full: a tmpfs in a mount namespace of the test's own. `use SmallDisk` comes first in a test: it
# starts the test once more inside of it, or skips it where the system does not allow that.
package SmallDisk;

use strict;
use warnings;

use Cwd;
use Exporter ();
use File::Basename;
use File::Path;

our @EXPORT = qw(disk fill_disk fill_inodes free_disk);

# As much as a new server needs, and some more.
my $options = 'size=200m,nr_inodes=8000,mode=700';

sub disk { return $ENV{SESSIONCTL_SMALL_DISK} }

sub import
{
	_enter() if !defined disk();
	goto &Exporter::import;
}

# Mounting takes root of a user namespace, and a server runs as anybody but root: another namespace in the first one.
sub _enter
{
	my $directory = getcwd() . '/tmp_check/disk_' . basename($0, '.pl');
	mkpath($directory);
	my @own_mounts = ($> == 0 ? () : qw(--user --map-root-user), '--mount');
	my $mount = 'mount -t tmpfs -o "$2" none "$1" && shift 2';
	my @as_before = $> == 0 ? () : ('unshare', '--user', '--map-user=' . $>, '--map-group=' . ($)+0), '--');
	my @enter = ('unshare', @own_mounts, '--', 'sh', '-c', "$mount && exec \"\$@\"", 'sh', $directory, $options, @as_before);
	if (my $complaint = qx(@{[ join ' ', map { quotemeta } @enter ]} true 2>&1 || echo "exit status \$?"))
	{
		$complaint =~ s/\s+/ /g;
		print "1..0 # SKIP no mount namespace with a small disk: $complaint\n";
		exit 0;
	}
	$ENV{SESSIONCTL_SMALL_DISK} = $directory;
	exec @enter, $^X, (map { "-I$_" } grep { !ref } @INC), $0, @ARGV or die "cannot start @enter: $!";
}

# Nothing more can be written.
sub fill_disk
{
	open my $filler, '>>:raw', disk() . '/filler' or die "cannot open the filler: $!";
	while (defined syswrite $filler, 'x' x 65536) { }
	die "the disk is not full: $!" if !$!{ENOSPC};
	return close $filler;
}

# Nor can a file be made, or another name for one.
sub fill_inodes
{
	mkdir disk() . '/fillers' or die "cannot make the fillers' directory: $!";
	my ($count, $filler) = (0);
	while (open $filler, '>', disk() . '/fillers/' . ++$count) { close $filler }
	die "the disk is not full: $!" if !$!{ENOSPC};
	return;
}

sub free_disk
{
	unlink disk() . '/filler';
	rmtree(disk() . '/fillers');
	return;
}

1;
