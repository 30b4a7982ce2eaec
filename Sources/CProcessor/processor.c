// A package target needs a source file; all of this one is in its header.
#include "processor.h"
