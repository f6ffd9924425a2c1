import Testing

import Link
