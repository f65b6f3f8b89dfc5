# The messages that pg_sessionctl raises, read from its sources: level, SQLSTATE, words. A value in them is '%'.
package Messages;

use strict;
use warnings;

use Exporter 'import';
use File::Find;
use SessionctlTest;

our @EXPORT_OK = qw(sources_in messages_in);

# Those that are raised here.
my %errcode = (
	ERRCODE_ADMIN_SHUTDOWN => '57P01',
	ERRCODE_CANNOT_CONNECT_NOW => '57P03',
	ERRCODE_FEATURE_NOT_SUPPORTED => '0A000',
	ERRCODE_INTERNAL_ERROR => 'XX000',
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION => '28000',
	ERRCODE_INVALID_PASSWORD => '28P01',
	ERRCODE_TOO_MANY_CONNECTIONS => '53300',
	ERRCODE_UNDEFINED_OBJECT => '42704',
);

# Where no errcode is given.
my %by_level = (ERROR => 'XX000', FATAL => 'XX000', WARNING => '01000', NOTICE => '00000', LOG => '00000');

# A level that the source chooses.
my %levels = ('level' => [qw(WARNING LOG)], 'compat::log_server_only' => ['LOG']);

# Words that are made elsewhere than where they are raised: file, level, SQLSTATE, what stands before them; or, where they
# are made of pieces, a piece and the words.
my @elsewhere = (
	[ 'api/locks/lock_selector.cpp', 'NOTICE', '00000', qr/" prepared transaction keeps"/, '% prepared transaction keeps %' ],
	[ 'api/locks/lock_selector.cpp', 'NOTICE', '00000', qr/" prepared transactions keep"/, '% prepared transactions keep %' ],
	[ 'api/reaper/reaper.cpp', 'NOTICE', '00000', qr/\bnotice\(/ ],
	[ 'core/sessions/plan_text.cpp', 'NOTICE', '00000', qr/"matched "/, 'matched %: %' ],
	[ 'core/sessions/progress.cpp', 'NOTICE', '00000', qr/snprintf\(text, sizeof text, (?="%lld of|"%s still)/ ],
	[ 'pg/keep_out/login_lock.cpp', 'ERROR', '55P03', qr/\block_object\([^"()]*/ ],
	[ 'pg/error.cpp', 'ERROR', '53200', qr/\bset\("53200", / ],
	[ 'pg/error.cpp', 'ERROR', 'XX000', qr/\bset\("XX000", (?=")/ ],
	[ 'pg/keep_out/pgbouncer.cpp', 'NOTICE', '00000', qr/\bnotice\(/ ],
	[ 'pg/sql.cpp', 'ERROR', '55P03', qr/\bsame_row\[\] = / ],
	[ 'pg/logins/nologin_sweep.cpp', 'WARNING', '01000', qr/\bnot_ended\[\] = / ],
);

# Who raises those, or passes another error's words on.
my %has_no_words = map { $_ => 1 } qw(api/reaper/reaper.cpp api/sessions/notices.cpp pg/error.cpp pg/hba/hba.cpp pg/keep_out/pgbouncer.cpp pg/locks/prepared_transactions.cpp pg/sessions/progress.cpp pg/sql.cpp pg/keep_out/superusers.cpp pg/logins/nologin_sweep.cpp);

my $string = qr/"(?:[^"\\]|\\.)*"/;
my $text = qr/$string(?:\s*$string)*/;    # neighbours are one

# All sources, without their comments: path below src => text.
sub sources_in
{
	my ($root) = @_;
	my %source;
	my $read = sub {
		return if !/\.[ch]pp\z/;
		my $text = read_file($_);
		$text =~ s{($string|'(?:[^'\\]|\\.)')|//[^\n]*|/\*.*?\*/}{defined $1 ? $1 : ' '}gse;
		$source{$_} = $text;
	};
	find({ wanted => $read, no_chdir => 1 }, "$root/src");
	return map { my $path = $_; $path =~ s{.*?/src/}{}; ($path => $source{$_}) } keys %source;
}

# What is in the parentheses that open here, divided at its own commas.
sub arguments_at
{
	my ($source, $begin) = @_;
	my $depth = 0;
	my @arguments = ('');
	pos($source) = $begin;
	while ($source =~ /\G($string|.)/gs)
	{
		my $piece = $1;
		$depth-- if $piece =~ /\A[)\]}]\z/;
		last if $depth == 0 && $piece eq ')';
		if ($depth == 1 && $piece eq ',') { push @arguments, '' }
		elsif ($depth > 0) { $arguments[-1] .= $piece }
		$depth++ if $piece =~ /\A[(\[{]\z/;
	}
	s/\A\s+|\s+\z//g for @arguments;
	return @arguments;
}

# A printf format as words.
sub words_of
{
	my ($literals) = @_;
	my $format = join '', map { substr $_, 1, -1 } $literals =~ /$string/g;
	$format =~ s/\\(.)/$1/g;
	$format =~ s/%(?:%|[-+ 0#]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlz]*[a-zA-Z])/%/g;
	return $format;
}

# One or, where the expression chooses, several.
sub words_in { my ($expression) = @_; return map { words_of($_) } $expression =~ /$text/g }

# Of a format and its first value: a constant's words are those of the message where the format has none of its own.
sub words_or_constant
{
	my ($source, $format, $value) = @_;
	my @words = words_in($format);
	return @words if "@words" ne '%' || !defined $value || $value !~ /\A\w+\z/;
	my ($constant) = $source =~ /\bconstexpr char $value\[\] =\s*($text);/;
	return defined $constant ? words_of($constant) : @words;
}

# [ level, SQLSTATE or undef, words ... ] of one call of ereport.
sub reported
{
	my ($file, $source, $level, @rest) = @_;
	my $report = join ', ', @rest;
	my ($code) = $report =~ /\berrcode\(\s*(\w+)/;
	$report =~ /\berrmsg(_internal|_plural)?\(/ or die "$file: a report without a message";
	my ($form, $begin) = ($1 || '', $+[0] - 1);
	my @arguments = arguments_at($report, $begin);
	my @words = $form eq '_plural' ? map { words_in($_) } @arguments[ 0, 1 ] : words_or_constant($source, @arguments);
	my @reported;
	for my $each (@{ $levels{$level} || [$level] })
	{
		my $state = $report =~ /\berrcode_for_file_access\(/ ? 'file'
		  : !defined $code ? $by_level{$each}
		  : $code eq 'MAKE_SQLSTATE' ? undef
		  : $errcode{$code} || die "$file: test/lib/Messages.pm does not know $code";
		push @reported, [ $each, $state, @words ];
	}
	return @reported;
}

# The same of one construction of core::Error.
sub constructed
{
	my ($sqlstate, $source, $before, $state, @message) = @_;
	($state) = $before =~ /.*\bconstexpr const char\* $state = ([\w:]+);/s if $state eq 'sqlstate';
	my @names = grep { $_ } @$sqlstate{ $state =~ /(\w+)/g };
	return map { [ 'ERROR', $_, words_or_constant($source, @message) ] } @names ? @names : undef;
}

# Each as { file, level, sqlstate, words }. The SQLSTATE is undef where it is another error's, and 'file' where errno tells
# it; the words are '%' where they are another error's.
sub messages_in
{
	my ($root) = @_;
	my %source = sources_in($root);
	my %sqlstate = $source{'core/error.hpp'} =~ /constexpr char (\w+)\[\] = "(\w{5})";/g;
	my @messages;
	my $keep = sub {
		my ($file, $level, $state, @words) = @_;
		push @messages, { file => $file, level => $level, sqlstate => $state, words => $_ } for @words ? @words : '%';
	};
	for my $file (sort keys %source)
	{
		my $source = $source{$file};
		while ($source =~ /(?<!class )(?<!void )\b(ereport|elog|report_below|GUC_check_errmsg|Error)\b(?:\s+\w+)?\s*\((?!const )/g)
		{
			my ($kind, $before, $begin) = ($1, substr($source, 0, $-[0]), $+[0] - 1);
			my @arguments = arguments_at($source, $begin);
			next if @arguments < 2 && $kind ne 'GUC_check_errmsg';    # no message: a name that ends so
			my @found =
			    $kind eq 'ereport' ? reported($file, $source, @arguments)
			  : $kind eq 'elog' ? [ $arguments[0], $by_level{ $arguments[0] }, words_in($arguments[1]) ]
			  : $kind eq 'report_below' ? [ 'NOTICE', $by_level{NOTICE}, map { words_in($_) } @arguments[ 1, 2 ] ]
			  : $kind eq 'Error' ? constructed(\%sqlstate, $source, $before, @arguments)
			  : [ 'ERROR', $errcode{ ($before =~ /.*GUC_check_errcode\((\w+)\)/s)[0] }, words_in($arguments[0]) ];
			$keep->($file, @$_) for @found;
		}
	}
	for my $made (@elsewhere)
	{
		my ($file, $level, $state, $where, $whole) = @$made;
		my @words = $source{$file} =~ /$where($text)?/g or die "$file: nothing matches $where";
		$keep->($file, $level, $state, defined $whole ? $whole : map { words_of($_) } grep { defined } @words);
	}
	my @unknown = grep { $_->{words} eq '%' && !$has_no_words{ $_->{file} } } @messages;
	die "the words are made elsewhere: test/lib/Messages.pm wants to know where: @{[ map { $_->{file} } @unknown ]}" if @unknown;
	# SQL has the same placeholders.
	for my $path (glob "$root/sql/*.sql")
	{
		my $script = read_file($path);
		$keep->($path, 'ERROR', $sqlstate{$2}, $1) while $script =~ /RAISE EXCEPTION '([^']*)'.*?ERRCODE = '(\w+)'/gs;
	}
	return grep { $_->{words} ne '%' } @messages;
}

1;
