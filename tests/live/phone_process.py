"""One SIP phone (pjsua2) in a process of its own: orders come as JSON lines on stdin, news leave so on stdout.

Every person has a tone of its own. The phone plays it into each call and records what it hears, so that afterwards one
can tell by ear who really heard whom.
"""
# ruff: noqa: N802 -- the callbacks have pjsua2's names

import json
import os
import select
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.live.phones import Setup

if TYPE_CHECKING:
    from tests.live import pjsua2_api as pj
else:
    import pjsua2 as pj

RATE = 8000
MEDIA = {0: "none", 1: "active", 2: "held here", 3: "held there", 4: "error"}
REPLIES = {"ring": 180, "answer": 200, "busy": 486}


def tell(**news: Any) -> None:
    print(json.dumps({**news, "at": time.time()}), flush=True)


def options(code: int = 0, headers: dict[str, str] | None = None, sound: bool = True) -> pj.CallOpParam:
    param = pj.CallOpParam(sound)
    if code:
        param.statusCode = code
    for name, value in (headers or {}).items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        param.txOption.headers.append(header)
    return param


class Call(pj.Call):
    """It plays `tone` and records into `wav` as soon as there is media."""

    def __init__(self, account: "Account", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        account.serial += 1
        self.number, self.gone, self.tone, self.wav = account.serial, False, 0, ""
        self.source: pj.ToneGenerator | None = None
        self.ear: pj.AudioMediaRecorder | None = None
        self.stretches = 0
        account.calls[self.number] = self

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        tell(call=self.number, state=info.stateText, code=info.lastStatusCode, reason=info.lastReason)
        self.gone = info.state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.ear = None  # in a hold no samples come: with one recorder for the whole call nobody knew when the rest was
        info = self.getInfo()  # it is to be kept: its media go with it
        for media in info.media:
            tell(call=self.number, media=MEDIA.get(media.status, "?"))
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._connect(self.getAudioMedia(media.index), media.index)

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        tell(call=self.number, transfer=prm.statusCode)

    def replies(self, code: int, headers: dict[str, str] | None = None) -> None:
        self.answer(options(code, headers))

    def close(self) -> None:
        """The recording is complete only when its recorder is gone."""
        self.source = self.ear = None

    def _connect(self, audio: pj.AudioMedia, index: int) -> None:
        if self.tone and not self.source:
            self.source = pj.ToneGenerator()
            self.source.createToneGenerator(RATE, 1)
            tone = pj.ToneDesc()
            tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = self.tone, 0, 1000, 0, 6000
            tones = pj.ToneDescVector()
            tones.append(tone)
            self.source.play(tones, True)
        if self.source:
            self.source.startTransmit(audio)
        if self.wav:
            self.stretches += 1
            wav = f"{self.wav.removesuffix('.wav')}-{self.stretches}.wav"
            self.ear = pj.AudioMediaRecorder()
            self.ear.createRecorder(wav)
            audio.startTransmit(self.ear)
            port = int(self.getMedTransportInfo(index).localRtpName.rpartition(":")[2])
            tell(call=self.number, recording=wav, port=port)


class Account(pj.Account):
    """The phone: what it does by itself, and what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[int, Call] = {}
        self.serial = 0
        self.manner: dict[str, Any] = {"do": "nothing"}

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = Call(self, prm.callId)
        tell(call=call.number, state="ASKED", uri=prm.rdata.wholeMsg.splitlines()[0].split()[1])
        do = self.manner["do"]
        call.tone, call.wav = self.manner.get("tone", 0), self.manner.get("wav", "").format(call.number)
        if do == "forward":
            call.replies(302, {"Contact": f"<{self.manner['to']}>"})
        elif do == "reject":
            call.replies(self.manner["code"])
        elif do in REPLIES:
            call.replies(REPLIES[do])

    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        tell(registered=prm.code == 200 and self.getInfo().regIsActive, code=prm.code)

    def obey(self, order: dict[str, Any]) -> None:
        do = order["do"]
        if do == "manner":
            self.manner = order["manner"]
            tell(manner=order["ticket"])
        elif do == "register":
            self.setRegistration(order["on"])
        elif do == "call":
            call = Call(self)
            call.tone, call.wav = order["tone"], order["wav"].format(call.number)
            tell(call=call.number, state="DIALLING", ticket=order["ticket"])
            try:
                call.makeCall(order["to"], options())
            except pj.Error as error:  # it has no line free
                call.gone = True
                tell(call=call.number, state="DISCONNECTED", code=0, reason=str(error).split("\n")[0])
        else:
            self._obey_in(self.calls[order["call"]], do, order)

    def sweep(self) -> None:
        for call in [call for call in self.calls.values() if call.gone]:
            call.close()
            del self.calls[call.number]
            tell(call=call.number, state="CLOSED")

    def _obey_in(self, call: Call, do: str, order: dict[str, Any]) -> None:
        if call.gone:  # the library asserts that there is such a call
            raise KeyError(f"call {call.number} is over")
        if do == "answer":
            call.tone = order.get("tone", call.tone)
            call.wav = order.get("wav", call.wav).format(call.number)
            call.replies(order["code"], order.get("headers"))
        elif do == "hangup":
            call.hangup(options())
        elif do == "hold":
            call.setHold(options())
        elif do == "unhold":
            param = options()
            param.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(param)
        elif do == "refer":
            call.xfer(order["to"], options(sound=False))
        elif do == "replaces":
            call.xferReplaces(self.calls[order["other"]], options(sound=False))
        elif do == "dtmf":
            digits = pj.CallSendDtmfParam()
            digits.method, digits.digits, digits.duration = pj.PJSUA_DTMF_METHOD_SIP_INFO, order["digits"], 100
            call.sendDtmf(digits)
        elif do == "mix":
            one, two = call.getAudioMedia(-1), self.calls[order["other"]].getAudioMedia(-1)
            one.startTransmit(two)
            two.startTransmit(one)


def start(setup: Setup) -> pj.Endpoint:
    """The library, without a sound card and without threads of its own."""
    endpoint, config = pj.Endpoint(), pj.EpConfig()
    endpoint.libCreate()
    config.uaConfig.threadCnt, config.uaConfig.maxCalls, config.uaConfig.userAgent = 0, 4, "Lab phone"
    config.logConfig.consoleLevel = 0
    config.logConfig.level = 4 if setup.log else 0
    config.logConfig.filename = setup.log
    config.medConfig.clockRate = config.medConfig.sndClockRate = RATE
    config.medConfig.noVad, config.medConfig.ecTailLen = True, 0
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.boundAddress, transport.port = setup.bind, setup.port
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU") else 0)
    return endpoint


def register(setup: Setup) -> Account:
    account, settings = Account(), pj.AccountConfig()
    settings.idUri = setup.identity
    settings.regConfig.registrarUri = setup.registrar
    settings.regConfig.timeoutSec = 3600
    media = settings.mediaConfig
    media.transportConfig.boundAddress, media.transportConfig.port = setup.bind, setup.rtp
    media.transportConfig.portRange, media.lockCodecEnabled = 40, False
    settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    account.create(settings)
    return account


def main(setup: Setup) -> None:
    endpoint = start(setup)
    account = register(setup)
    tell(ready=True)
    rest = b""
    while True:
        endpoint.libHandleEvents(5)
        account.sweep()
        if not select.select([0], [], [], 0)[0]:
            continue
        data = os.read(0, 65536)
        if not data:
            os._exit(0)  # the destructors of pjsua2 assert
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            try:
                account.obey(json.loads(line))
            except (pj.Error, KeyError) as error:  # the story decides what it means
                tell(error=str(error).split("\n")[0], order=line.decode())


if __name__ == "__main__":
    main(Setup(**json.loads(sys.argv[1])))
