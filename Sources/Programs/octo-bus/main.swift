import NodeShell

OctoBus.runProgram(OctoBus.KeysCommand.Allow.settingKeyApart(Array(CommandLine.arguments.dropFirst())))
