import Testing

import RemotePolicy
