import NodeShell

LaunchCommand.runProgram()
