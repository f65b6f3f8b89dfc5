# The guide's way to uninstall, played from the page itself on an installation of its own: the server is running at the end
# of it, and starts again. The other way round it does not start, and the page's way out of that works.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp;
use FindBin;
use IPC::Run;
use lib "$FindBin::Bin/../lib";
use Documentation;
use SessionctlTest;
use Test::More;

my $root = documentation_root();
my $page = 'doc/guide/uninstalling.md';
plan skip_all => 'the checkout does not lie beside these tests' if grep { !-e "$root/$_" } $page, 'Makefile';
plan skip_all => 'cp makes no trees of links here' if $^O ne 'linux';

my $trouble = documentation_section($page, 'If the server does not start');
my ($steps, $way_out) = map { /^```\n(.*?)^```$/ms } documentation_section($page, 'The commands'), $trouble;

# --- an installation of our own: copies of programs, which look for their files relative to where they lie, and links

my $directory = File::Temp->newdir('uninstall.XXXXXX', TMPDIR => 1);
my %theirs = map { ($_ => config($_)) } qw(bindir sharedir pkglibdir docdir);
my %ours = map { ($_ => "$directory$theirs{$_}") } keys %theirs;

sub config { chomp(my $path = qx(pg_config --$_[0])); return $path }

# What a shell says; dies where it fails, unless that is asked for.
sub shell
{
	my ($command, $may_fail) = @_;
	my $said = '';
	my $done = IPC::Run::run([ 'sh', '-c', "cd '$directory' && $command" ], '<', \undef, '>&', \$said, IPC::Run::timeout($SessionctlTest::patience));
	die "$command: $said" if !$done && !$may_fail;
	return $said;
}

make_path(values %ours);
shell("cp -rs '$theirs{$_}/.' '$ours{$_}'") for qw(sharedir pkglibdir);
shell("cp '$theirs{bindir}/$_' '$ours{bindir}'") for qw(postgres pg_ctl psql);
open my $wrapper, '>', "$ours{bindir}/pg_config" or die $!;
print {$wrapper} "#!/bin/sh\ncase \$1 in --bindir | --sharedir | --pkglibdir | --docdir) echo \"$directory\$('$theirs{bindir}/pg_config' \"\$1\")\" ;; *) exec '$theirs{bindir}/pg_config' \"\$@\" ;; esac\n";
close $wrapper;
chmod 0755, "$ours{bindir}/pg_config";

shell("initdb -D data -U postgres -A trust -N");
local $ENV{PATH} = "$ours{bindir}:$ENV{PATH}";
local $ENV{PGDATA} = "$directory/data";
local $ENV{PGHOST} = "$directory";
local $ENV{PGDATABASE} = 'postgres';
open my $conf, '>>', "$directory/data/postgresql.conf" or die $!;
print {$conf} "unix_socket_directories = '$directory'\nlisten_addresses = ''\nfsync = off\nshared_preload_libraries = 'pg_sessionctl'\npg_sessionctl.idle_session_timeout = '1 d'\n";
close $conf;

END { my $status = $?; shell('pg_ctl stop -s -m immediate', 1) if $directory; $? = $status }

# --- as it is written

delete local $ENV{DOCUMENTATION};
shell("make -s -C '$root' PG_CONFIG='$ours{bindir}/pg_config' install-documentation");
ok(-e "$ours{docdir}/extension/pg_sessionctl/doc/guide/README.md", 'the documentation is there');
shell('pg_ctl start -s -w -l logfile');
is(shell(q{psql -Atc 'CREATE EXTENSION pg_sessionctl' -c 'SELECT preloaded FROM sessionctl.reaper_status'}), "CREATE EXTENSION\nt\n", 'it is preloaded')
  if qx(psql --version) !~ / 9\.[45]/;
my @commands = $steps =~ /^\$ (.*)\n((?:[^\$].*\n)*)/mg;
while (my ($command, $answer) = splice @commands, 0, 2)
{
	my $is_make = $command =~ s/^make /make -s -C '$root' PG_CONFIG='$ours{bindir}\/pg_config' /;
	my $said = shell($command);
	is($said, $answer, $command) if !$is_make;
}
is(join(' ', glob("$ours{pkglibdir}/*sessionctl.so $ours{sharedir}/extension/pg_sessionctl* $ours{docdir}/extension/pg_sessionctl*")), '', 'nothing of it is left');
is(shell(q{psql -Atc 'SELECT count(*) FROM pg_extension' -U postgres}), "1\n", 'the server lives');
is(shell('pg_ctl restart -s -w -m fast -l logfile'), '', 'and starts again');

# --- with the library gone first

shell(q{sed -i 's/^#shared_preload_libraries/shared_preload_libraries/' data/postgresql.conf; pg_ctl stop -s -m fast});
like(shell('pg_ctl start -s -w -l logfile', 1), qr/could not start server/, 'the other way round it does not start');
like(read_file("$directory/logfile"), qr/could not access file "pg_sessionctl"/, 'as it says');
like($trouble, qr/could not access file "pg_sessionctl"/, 'and as the page has it');
is(shell($way_out =~ s/^\$ //r), '', 'the way out');
is(shell(q{psql -Atc 'SHOW shared_preload_libraries'}), "\n", 'works');

done_testing();
