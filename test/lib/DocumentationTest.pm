# Plays the examples of README.md and of the guide from the pages themselves: what they show is what comes back. How a page
# says what is to be played stands in Documentation.pm. PAGES='README.md doc/guide/blocked.md' plays these alone.
package DocumentationTest;

use strict;
use warnings;

use Documentation;
use DocumentationPlayer;
use DocumentationScenes;
use Exporter 'import';
use Test::More;

our @EXPORT = qw(play_pages);

# The pages of one part. The parts, so many in all, run side by side; each takes one page in turn.
sub play_pages
{
	my ($part, $parts) = @_;
	my @pages = documentation_pages();
	plan skip_all => 'the documentation does not lie beside these tests' if !@pages;
	my %wanted = map { $_ => 1 } split ' ', $ENV{PAGES} || join ' ', @pages;
	for my $number (grep { $_ % $parts == $part - 1 } 0 .. $#pages)
	{
		_play($pages[$number]) if $wanted{ $pages[$number] };
	}
	is(join(', ', grep { my $page = $_; !grep { $_ eq $page } @pages } sort keys %documentation_scenes), '', 'no scene for a page that is gone');
	return done_testing();
}

sub _play
{
	my ($page) = @_;
	my @sections = documentation_sections($page);
	my %scenes = %{ $documentation_scenes{$page} || {} };
	my %headings = map { $_->{heading} => 1 } @sections;
	is(join(', ', grep { !$headings{$_} } sort keys %scenes), '', "$page has all sections for which there is a scene");

	my @examples = grep { @{ $_->{examples} } } @sections or return;
	return subtest $page => sub {
		my $player = DocumentationPlayer->new($page);
		$player->play($_, $scenes{ $_->{heading} }) for @examples;
		is($player->leftovers, '', "$page undoes what it has set");
		$player->stop;
	};
}

1;
