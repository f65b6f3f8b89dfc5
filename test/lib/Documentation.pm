# The documentation as its tests read it: pages, their sections, and the examples in these.
#
# A section's blocks without a language are what a terminal shows: `postgres=#` is the DBA in psql in that database, `shop=>`
# a user whose session was ended, `shop=*>` one in a transaction, `$` a shell. `$ ... &` goes on beside the rest, and
# `$ wait` shows what it said. Blocks of ```sql are what the DBA may paste into psql in database shop. Comments, which no
# reader sees, tell the rest:
#
#   $ again app app batch/report             before a section's other examples: who is connected to the shop, and by which
#                                            application (psql, if none is named). The reader calls it in script/demo --shop
#   <!-- sessions: regina -->                directly under a heading: who else is. Without such a call those of the shop's
#                                            beginning that the section is about, with one those that the reader opens himself
#   <!-- not run: why -->                    above a block
package Documentation;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use SessionctlTest;

our @EXPORT = qw(documentation_root documentation_pages documentation_sections documentation_section);

sub documentation_root { return "$FindBin::Bin/../.." }

# Those whose examples are played, README.md first.
sub documentation_pages
{
	my $root = documentation_root();
	return grep { -e "$root/$_" } 'README.md', map { s{^\Q$root\E/}{}r } sort glob "$root/doc/guide/*.md";
}

# A page's, in their order, each with heading, line, text, sessions (undef: the page does not say) and examples: line, prompt
# ('sql' for such a block), input, output. Dies where a terminal is shown and the page does not say who is connected.
sub documentation_sections
{
	my ($page) = @_;
	my ($section, $block, $example, @sections, $not_run);
	my $number = 0;
	for my $line (split /\n/, read_file(documentation_root() . "/$page"))
	{
		$number++;
		if (!defined $block && $line =~ /^#+ (.*)/)
		{
			push @sections, $section = { heading => $1, line => $number, text => '', examples => [] };
			next;
		}
		next if !$section;
		if ($line =~ /^```(.*)/)
		{
			if (defined $block)
			{
				undef $block;
				undef $not_run;
			}
			else
			{
				$block = $not_run ? 'not run' : $1;
				undef $example;
				push @{ $section->{examples} }, $example = { line => $number, prompt => 'sql', input => '', output => '' } if $block eq 'sql';
			}
		}
		elsif (defined $block && $block eq 'sql')
		{
			$example->{input} .= "$line\n";
		}
		elsif (defined $block && $block eq '')
		{
			_read_terminal($section, \$example, $number, $line, $page);
		}
		elsif (!defined $block && $line =~ /^<!-- sessions:(.*)-->$/)
		{
			die "$page, line $number: a comment about sessions stands directly under its heading\n" if $section->{text} =~ /\S/;
			$section->{sessions} = [ split ' ', $1 ];
			next;
		}
		elsif (!defined $block && $line =~ /^<!-- not run: \S/)
		{
			$not_run = 1;
			next;
		}
		$section->{text} .= "$line\n";
	}
	return @sections;
}

# The text of one, whose heading there is once.
sub documentation_section
{
	my ($page, $heading) = @_;
	my ($section) = grep { $_->{heading} eq $heading } documentation_sections($page);
	die "$page has no section \"$heading\"\n" if !$section;
	return $section->{text};
}

sub _read_terminal
{
	my ($section, $example, $number, $line, $page) = @_;
	if ($line =~ /^\$ again (.*)/)
	{
		die "$page, line $number: sessions are opened before the section's other examples\n" if @{ $section->{examples} };
		unshift @{ $section->{sessions} }, split ' ', $1;
	}
	elsif ($line =~ /^(\w+=\*?[#>]|\$) (.*)/)
	{
		push @{ $section->{examples} }, $$example = { line => $number, prompt => $1, input => $2, output => '' };
		die "$page, line $section->{line}: who is connected in \"$section->{heading}\"? \$ again ..., or <!-- sessions: ... -->\n" if !$section->{sessions};
	}
	elsif (!$$example)
	{
		die "$page, line $number: a block without a language begins with a prompt\n";
	}
	elsif (_is_whole($$example))
	{
		$$example->{output} .= "$line\n";
	}
	else
	{
		$$example->{input} .= "\n$line";
	}
	return;
}

# Is the input at its end? Then what follows is output.
sub _is_whole { my ($example) = @_; return $example->{prompt} eq '$' || $example->{input} =~ /\A\\|;\z|\\gexec\z/ }

1;
