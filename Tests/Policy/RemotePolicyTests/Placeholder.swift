import RemotePolicy
import Testing
