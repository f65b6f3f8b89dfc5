# Each relative link of the documentation leads to an existing file, and its anchor to a heading. So do those of the HTML,
# if pandoc is installed.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp;
use FindBin;
use IPC::Run;
use lib "$FindBin::Bin/../lib";
use Documentation;
use SessionctlTest;
use Test::More;

my $root = documentation_root();
my @pages = grep { -e } map { glob "$root/$_" } qw(*.md doc/*.md doc/guide/*.md);
plan skip_all => 'the documentation does not lie beside these tests' if !@pages;

# Without what is code and what no reader sees.
sub prose
{
	my ($text) = @_;
	$text =~ s/^```.*?^```$//gms;
	$text =~ s/<!--.*?-->//gs;
	return $text;
}

# As hosting sites and pandoc make them of headings.
sub anchors_of_page
{
	my ($text) = @_;
	my (%seen, @anchors);
	for my $heading (prose($text) =~ /^#+ +(.*)/mg)
	{
		utf8::decode($heading);
		my $anchor = lc $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr;
		$anchor =~ s/[^\w\- ]//g;
		$anchor =~ s/ /-/g;
		push @anchors, $seen{$anchor}++ ? "$anchor-" . ($seen{$anchor} - 1) : $anchor;
	}
	return @anchors;
}

sub links_of_page { my ($text) = @_; return prose($text) =~ s/`[^`\n]*`/code/gr =~ /\]\(([^()\s]+)\)/g }

# Those that lead nowhere.
sub dead_links
{
	my ($file, $links_of, $anchors_of) = @_;
	my @dead;
	for my $link (grep { !/^[a-z][\w+.-]*:/i } $links_of->(read_file($file)))
	{
		my ($path, $anchor) = $link =~ /\A([^#]*)#?(.*)\z/;
		my $target = $path eq '' ? $file : dirname($file) . "/$path";
		if (!-e $target) { push @dead, $link }
		elsif ($anchor ne '') { push @dead, $link if !grep { $_ eq $anchor } $anchors_of->(read_file($target)) }
	}
	return @dead;
}

for my $page (@pages)
{
	is(join(' ', dead_links($page, \&links_of_page, \&anchors_of_page)), '', 'links of ' . $page =~ s{^\Q$root\E/}{}r);
}

SKIP:
{
	skip 'pandoc is not installed', 2 if !grep { -x "$_/pandoc" } split /:/, $ENV{PATH};
	skip 'script/html does not lie beside these tests', 2 if !-x "$root/script/html";
	my $set = File::Temp->newdir('html.XXXXXX', TMPDIR => 1);
	my $said = '';
	ok(IPC::Run::run([ "$root/script/html", "$set" ], '<', \undef, '>&', \$said), 'it becomes HTML') or diag($said);
	my $links = sub { my ($text) = @_; return map { s/%([0-9A-F]{2})/chr hex $1/ger } $text =~ /\b(?:href|src)="([^"]*)"/g };
	my $anchors = sub { my ($text) = @_; return map { s/%([0-9A-F]{2})/chr hex $1/ger } $text =~ /\bid="([^"]*)"/g };
	my @files = split /\n/, qx(find '$set' -name '*.html');
	is(join(' ', map { my $file = $_; map { s{^\Q$set\E/}{}r } map { "$file: $_" } dead_links($file, $links, $anchors) } @files), '', 'links of the HTML');
}

done_testing();
