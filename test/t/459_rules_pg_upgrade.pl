# Session rules go with their database through pg_upgrade, with their owners; meanwhile nobody carries them out.

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

chomp(my $programs = qx(pg_config --bindir));
plan skip_all => 'pg_upgrade is not installed' if !-x "$programs/pg_upgrade";

my $old = new_rules_server('rules_old');
my $admin = SessionctlTest::Session->new($old);
plan skip_all => 'pg_signal_backend came with 9.6' if $admin->run('SHOW server_version_num') < 90600;
# Their OIDs are not those of their order in the new cluster.
$admin->run('CREATE ROLE gone; CREATE ROLE app LOGIN; CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard; DROP ROLE gone');
rule($admin, 'end', q{application_name = 'victim'}, action => 'terminate', streak => 'session', reason => 'upgraded');
my $guard = SessionctlTest::Session->new($old, user => 'guard');
rule($guard, q{the guard's}, q{application_name = 'guarded'}, action => 'terminate', streak => 'session');
my $columns = 'name, owner, condition, action, streak, reason, check_every, at_most, at_most_within, enabled';
my $before = $admin->run("SELECT $columns FROM sessionctl.session_rules ORDER BY 1");
$_->quit for $admin, $guard;
$old->stop('fast');

my $new = new_node('rules_new');
init_node($new, extra => [ '--encoding=UTF8', '--no-locale' ]);
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sessionctl'\npg_sessionctl.rules = on\n");
my $workplace = File::Temp->newdir;
my $from = getcwd();
chdir $workplace or die $!;
my $output = qx('$programs/pg_upgrade' -U postgres -b '$programs' -B '$programs' -d '@{[ $old->data_dir ]}' -D '@{[ $new->data_dir ]}' -p @{[ $old->port ]} -P @{[ $new->port ]} 2>&1);
is($?, 0, 'pg_upgrade') or diag($output);
chdir $from or die $!;

$new->start;
$admin = SessionctlTest::Session->new($new);
is($admin->run("SELECT $columns FROM sessionctl.session_rules ORDER BY 1"), $before, 'the rules are as they were');
for my $name (qw(victim guarded))
{
	my $session = marked_session($new, $name);
	wait_for_end($session);
	$session->quit;
	pass("and are carried out: $name");
}
is($admin->run(q{SELECT count(*) FROM sessionctl.session_rules WHERE last_error IS NOT NULL}), '0', 'with the rights of their owners');

done_testing();
