# doc/reference.md against the catalog of a server and the sources, in both directions: what exists is documented, and what
# is documented exists.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Messages qw(messages_in sources_in);
use SessionctlTest;
use Test::More;

my $root = "$FindBin::Bin/../..";
plan skip_all => 'the checkout does not lie beside these tests' if grep { !-e "$root/$_" } qw(doc/reference.md src sql);

# --- the page

my $text = read_file("$root/doc/reference.md");

# Below a heading, up to the next of its rank or a higher one.
sub section
{
	my ($heading, $of) = @_;
	$of = $text if !defined $of;
	my ($rank, $below) = $of =~ /^(#+) \Q$heading\E\n(.*)/ms or die "no heading $heading";
	$below =~ s/^#{1,@{[ length $rank ]}} .*//ms;
	return $below;
}

# The rows of the tables whose header begins so: their cells without the backticks around a whole cell.
sub rows
{
	my ($of, $header) = @_;
	my @rows;
	while ($of =~ /^\| \Q$header\E \|.*\n\|[-|]+\n((?:\|.*\n?)+)/mg)
	{
		push @rows, map { [ map { s/\A`([^`]*)`\z/$1/r } split / \| /, s/\A\| | \|\z//gr ] } split /\n/, $1;
	}
	return @rows;
}

sub first_cells { return map { $_->[0] } rows(@_) }

# By heading: [ name, section ] ...
sub parts
{
	my ($heading, $rank) = @_;
	my $of = section($heading);
	return map { [ $_, section($_, $of) ] } $of =~ /^#{$rank} (.*)/mg;
}

sub without { my ($all, @those) = @_; my %those = map { $_ => 1 } @those; return join "\n", grep { !$those{$_} } sort @$all }

sub agrees
{
	my ($what, $documented, $existing) = @_;
	is(without($existing, @$documented), '', "$what: what exists is documented");
	is(without($documented, @$existing), '', "$what: what is documented exists");
	return;
}

my $node = new_reaper_server('reference');
my $admin = SessionctlTest::Session->new($node);
$admin->run('LOAD \'pg_sessionctl\'; SET client_min_messages = warning');
sub catalog { return split /\n/, $admin->run(@_) }

# --- functions: each signature is made a function beside ours, and both are asked for theirs

my @functions = grep { $_->[1] =~ /^```text\n/m } parts('Functions', 4);
$admin->run('CREATE SCHEMA documented; SET check_function_bodies = off');
my %is_heading;
for my $function (@functions)
{
	my ($name, $section) = @$function;
	my ($signatures) = $section =~ /^```text\n(.*?)^```/ms;
	for my $signature (split /\n(?=\w)/, $signatures)
	{
		like($signature, qr/\A$name\(/, "the signature of $name stands below its name");
		$admin->run("CREATE FUNCTION documented.$signature LANGUAGE plpgsql AS 'BEGIN END'");
	}
	$is_heading{$name} = 1;
}
my $signatures = q{SELECT proname || '(' || pg_get_function_arguments(p.oid) || ') RETURNS ' || pg_get_function_result(p.oid)
	FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname = '%s' AND proname NOT LIKE E'\\\\_%%'};
agrees('functions', map { [ catalog(sprintf $signatures, $_) ] } qw(documented sessionctl));

agrees('internal functions', [ first_cells(section('Internal functions'), 'function') ],
	[ catalog(q{SELECT proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname = 'sessionctl' AND proname LIKE E'\\\\_%'}) ]);

# Each parameter and each column is explained: with the function, with the common options, or with the columns of reports.
my %is_common = map { $_ => 1 } first_cells(section('Common options'), 'option');
my %is_of_report = map { $_ => 1 } first_cells(section('terminate_report'), 'column');
my %names = map { my ($function, $mode, $name) = split /\|/; ("$function.$name" => $mode) } catalog(q{
	SELECT DISTINCT proname || '|' || CASE coalesce((proargmodes::text[])[i], 'i') WHEN 'i' THEN 'in' ELSE 'out' END || '|' || proargnames[i]
	FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace, generate_series(1, array_upper(proargnames, 1)) AS i
	WHERE nspname = 'documented'});
my (@unexplained, @unknown, %is_used);
for my $function (@functions)
{
	my ($name, $section) = @$function;
	my ($words) = $section =~ /^```text\n.*?^```(.*)/ms;
	for (grep { /\A\Q$name\E\./ } keys %names)
	{
		my ($argument) = /\.(.*)/;
		my $elsewhere = $names{$_} eq 'in' ? \%is_common : \%is_of_report;
		$is_used{$argument} = 1 if $names{$_} eq 'in';
		push @unexplained, $_ if !$elsewhere->{$argument} && $words !~ /`\Q$argument\E`/;
	}
	push @unknown, grep { !exists $names{$_} } map { "$name.$_" } map { first_cells($section, $_) } qw(parameter column);
}
is("@unexplained", '', 'each parameter and each column of a function is explained');
is("@unknown", '', 'each that is explained exists');
is(without([ keys %is_common ], keys %is_used), '', 'each common option is one of a function');

# --- views

my @shown = map { my ($view, $section) = @$_; map { "$view.$_->[0] " . $_->[1] =~ s/\Atimestamptz\z/timestamp with time zone/r } rows($section, 'column') } parts('Views', 3);
my @columns = catalog(q{SELECT relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
	FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
	WHERE nspname = 'sessionctl' AND relkind = 'v' AND attnum > 0 ORDER BY relname, attnum});
agrees('columns of views', \@shown, \@columns);
is_deeply([ sort { ($a =~ /(.*)\./)[0] cmp ($b =~ /(.*)\./)[0] } @shown ], \@columns, 'in their order') if "@{[ sort @shown ]}" eq "@{[ sort @columns ]}";

# --- rights

my %is_view = map { $_->[0] => 1 } parts('Views', 3);
my %may;    # as documented: who => { view or function => 1 }
for my $row (rows(section('Who may call what'), 'who'))
{
	my ($who, $what) = @$row;
	my ($role) = $who =~ /`(pg_\w+)`/;
	my $may = $may{ $role || ($who =~ /\Aeverybody/ ? 'public' : 'superusers') } ||= {};
	my @chapters = map { section(ucfirst) =~ /^#### (.*)/mg } $what =~ /\]\(#(\w+)\)/g;
	my @names = grep { $is_heading{$_} || $is_view{$_} } $what =~ /`(\w+)`/g, grep { !$may{public}{$_} } @chapters;
	if ($what =~ /\Athe same without /)
	{
		%$may = %{ $may{pg_signal_backend} };
		delete @$may{@names};
	}
	else
	{
		$may->{$_} = 1 for @names;
	}
}
# Each function and each view says the same.
my @stated = map {
	my ($name, $section) = @$_;
	my ($whose) = $section =~ /^Rights: (.*)/m or die "$name: no rights";
	map { "$name: $_" } $whose =~ /\Aeverybody/ ? 'public' : $whose =~ /\Asuperusers/ ? 'superusers' : $whose =~ /`(pg_\w+)`/g;
} @functions, parts('Views', 3);
agrees('rights', \@stated, [ map { my $who = $_; map { "$_: $who" } keys %{ $may{$who} } } keys %may ]);
my $rights = q{SELECT proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace, aclexplode(proacl) AS acl WHERE nspname = 'sessionctl' AND acl.grantee = %1$s AND proname NOT LIKE E'\\\\_%%'
	UNION SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace, aclexplode(relacl) AS acl WHERE nspname = 'sessionctl' AND acl.grantee = %1$s};
for my $role (grep { $_ ne 'superusers' } sort keys %may)
{
	my $oid = $role eq 'public' ? 0 : $admin->run("SELECT oid FROM pg_roles WHERE rolname = '$role'");
	agrees("rights of $role", [ keys %{ $may{$role} } ], [ catalog(sprintf $rights, $oid) ]) if $oid ne '';
}
my %is_granted = map { map { $_ => 1 } keys %$_ } @may{ grep { $_ ne 'superusers' } keys %may };
is(without([ grep { !$is_granted{$_} } keys %is_heading, keys %is_view ], keys %{ $may{superusers} }), '', 'and what is left is for superusers');

# --- settings

sub default_of
{
	my ($value, $unit) = @_;
	return 'empty' if $value eq '';
	return $value if $unit ne 'ms' || $value == 0;
	return $value % 60_000 == 0 ? $value / 60_000 . ' min' : $value % 1000 == 0 ? $value / 1000 . ' s' : "$value ms";
}

agrees('settings',
	[ map { join ' | ', @$_[ 0 .. 3 ] } rows(section('Settings'), 'setting') ],
	[ map { my ($name, $type, $unit, $default, $context) = split /\|/, $_, -1; join ' | ', $name, $type . ($unit ? " ($unit)" : ''), default_of($default, $unit), $context }
		catalog(q{SELECT concat_ws('|', name, vartype, coalesce(unit, ''), boot_val, context) FROM pg_settings WHERE name LIKE 'pg_sessionctl.%'}) ]);

# --- words

my %source = sources_in($root);

# What this function may return.
sub words_of
{
	my ($file, $function) = @_;
	my ($body) = $source{$file} =~ /^const char\* \Q$function\E\(.*?\{\n(.*?)^\}/ms or die "$file: no $function";
	return grep { $_ ne '' } $body =~ /"([^"]*)"/g;
}

my @protections = words_of('core/sessions/protection.cpp', 'protection_name');
agrees('outcomes', [ first_cells(section('Outcomes'), 'outcome') ], [ words_of('core/sessions/plan.cpp', 'outcome_name') ]);
agrees('protection', [ first_cells(section('Protection'), 'word') ], \@protections);
agrees('states', [ first_cells(section('States'), 'state') ], [ words_of('core/sessions/session.cpp', 'state_name') ]);
agrees('calls', [ first_cells(section('Calls'), 'action') ], [ words_of('core/sessions/progress.cpp', 'call_name') ]);
agrees('details of an outcome', [ first_cells(section('Details of an outcome'), 'detail') ],
	[ map { s/"\s*"//gr =~ /\b(?:constexpr char \w+\[\]|reason) =\s*"([^"]*)"/g } map { $source{"core/sessions/$_.cpp"} } qw(drained_session signal_and_prove escalation plan) ]);

# --- the audit in the server log

my $log = section('The audit in the server log');
my @keys = first_cells($log, 'key');
agrees('log keys', \@keys,
	[ 'mark', map { $source{$_} =~ /\b(?:(?:line|details)\.add\w*\(|add_\w+\((?:line|details), )"(\w+)"/g } grep { m{^(?:pg|api)/} } keys %source ]);
$admin->run('CREATE ROLE app LOGIN');
my $ended = SessionctlTest::Session->new($node, user => 'app');
my $position = log_position($node);
my $pid = $ended->pid;
$admin->run("SELECT sessionctl.terminate_where('pid = \$1', array['$pid'], reason := 'a', cooldown := '1 s'); SELECT sessionctl.lockdown_server(until := now() + '1 min', terminate := false); SELECT sessionctl.unlock_server()");
my @lines = audit_lines($node, $position);
is(scalar @lines, 3, 'the server has written lines');
my %is_written = map { $_ => 1 } map { / (\w+)=/g } map { s/"(?:[^"\\]|\\.)*"//gr } @lines;
is(without([ keys %is_written ], @keys), '', 'and each of their keys is documented');
my ($of_all, $of_lockdowns) = split /^Lockdowns and unlocks have/m, $log;
is(without([ first_cells($of_all, 'key') ], first_cells(section('session_audit'), 'column')), '', 'each key has the column of its name');

# --- messages

my $place = qr/<[^<>]*>/;
sub level_message { my ($level, $state, $words) = @_; return "$level $state " . $words =~ s/$place/%/gr }

my %level = ('Errors' => 'ERROR', 'Fatal errors' => 'FATAL', 'Warnings' => 'WARNING', 'Notices' => 'NOTICE', 'Log messages' => 'LOG');
my @documented;
for my $heading (keys %level)
{
	for my $row (rows(section($heading), 'SQLSTATE'))
	{
		push @documented, map { level_message($level{$heading}, $row->[0], $_) } map { s/\A`|`\z//gr } split /<br>/, $row->[1];
	}
}
agrees('messages', \@documented, [ map { level_message($_->{level}, defined $_->{sqlstate} ? $_->{sqlstate} : 'other', $_->{words}) } messages_in($root) ]);
my %seen;
is(join("\n", grep { $seen{$_}++ } @documented), '', 'none stands there twice');

# What the sections of functions say of SQLSTATEs.
my %is_state = map { (split ' ')[1] => 1 } @documented;
my ($of_postgresql) = section('Errors of PostgreSQL');
$is_state{$_} = 1 for $of_postgresql =~ /\b([0-9A-Z]{5})\b/g;
is(join(' ', grep { !$is_state{$_} } map { $_->[1] =~ /\b(\d[0-9A-Z]{4}|F0000)\b/g } @functions), '', 'each SQLSTATE of a function is one of a message');

# --- links within the page

my %times;
my %is_anchor = map { my $anchor = lc =~ s/[^\w -]//gr =~ s/ /-/gr; ($times{$anchor}++ ? "$anchor-" . ($times{$anchor} - 1) : $anchor) => 1 } $text =~ /^#+ (.*)/mg;
is(join(' ', grep { !$is_anchor{$_} } $text =~ /\]\(#([^)]*)\)/g), '', 'each link leads somewhere');
my $contents = section('Contents');
is(join(' ', grep { my $anchor = lc =~ s/ /-/gr; $contents !~ /\(#\Q$anchor\E\)/ } grep { $_ ne 'Contents' } $text =~ /^##(?:#)? (.*)/mg), '', 'each heading stands in the contents');

done_testing();
