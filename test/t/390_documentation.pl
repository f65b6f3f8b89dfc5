# The examples of README.md and of the guide, played from the pages themselves: what they show is what comes back. How a page
# says what is to be played stands in Documentation.pm. PAGES='README.md doc/guide/blocked.md' plays these alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Documentation;
use DocumentationPlayer;
use DocumentationScenes;
use Test::More;

plan skip_all => 'the documentation does not lie beside these tests' if !documentation_pages();
my %wanted = map { $_ => 1 } split ' ', $ENV{PAGES} || join ' ', documentation_pages();

for my $page (documentation_pages())
{
	next if !$wanted{$page};
	my @sections = documentation_sections($page);
	my %scenes = %{ $documentation_scenes{$page} || {} };
	my %headings = map { $_->{heading} => 1 } @sections;
	is(join(', ', grep { !$headings{$_} } sort keys %scenes), '', "$page has all sections for which there is a scene");

	my @examples = grep { @{ $_->{examples} } } @sections or next;
	subtest $page => sub {
		my $player = DocumentationPlayer->new($page);
		$player->play($_, $scenes{ $_->{heading} }) for @examples;
		is($player->leftovers, '', "$page undoes what it has set");
		$player->stop;
	};
}
is(join(', ', grep { my $page = $_; !grep { $_ eq $page } documentation_pages() } sort keys %documentation_scenes), '', 'no scene for a page that is gone');

done_testing();
