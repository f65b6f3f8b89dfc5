# The server dies at each step of closing and opening by pg_hba.conf: see CrashTest.pm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use CrashTest;

survives_crashes('hba', qr/pg_hba\.conf rejects connection/);
