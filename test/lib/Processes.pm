# Processes of this machine, to whomever they belong.
package Processes;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(is_running);

# A zombie does not run.
sub is_running
{
	my ($pid) = @_;
	return kill(0, $pid) ? 1 : 0 unless -d '/proc/self';
	open my $stat, '<', "/proc/$pid/stat" or return 0;
	my $line = <$stat>;
	return defined $line && $line !~ /\) [ZX] / ? 1 : 0;
}

1;
