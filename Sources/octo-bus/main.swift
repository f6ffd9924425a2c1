import NodeShell

OctoBus.runProgram()
