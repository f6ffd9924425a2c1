import ArgumentParser
import Console
import FlyingFox
import NodeShell

print(SocketMessage.text(""))
