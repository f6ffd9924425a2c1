import Link
import Testing
