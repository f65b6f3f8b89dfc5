# The server dies at each step of closing and opening by the gate: see CrashTest.pm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use CrashTest;

survives_crashes('gate', qr/the server is locked down/);
