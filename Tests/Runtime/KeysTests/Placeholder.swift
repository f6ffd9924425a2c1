import Keys
import Testing
