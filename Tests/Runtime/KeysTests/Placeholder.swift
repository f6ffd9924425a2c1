import Testing

import Keys
