# The examples of README.md and of the guide, part 2 of 3: see DocumentationTest.pm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use DocumentationTest;

play_pages(2, 3);
