"""What the phones use of pjsua2, which comes without types: read by the type checker only, never imported."""
# ruff: noqa: N802, N803, N815 -- the names are pjsua2's

PJSUA_INVALID_ID: int
PJSIP_INV_STATE_DISCONNECTED: int
PJMEDIA_TYPE_AUDIO: int
PJSUA_CALL_MEDIA_ACTIVE: int
PJSUA_CALL_UNHOLD: int
PJSUA_DTMF_METHOD_SIP_INFO: int
PJSUA_SIP_TIMER_INACTIVE: int
PJSIP_TRANSPORT_UDP: int

class Error(Exception): ...
class OnCallStateParam: ...
class OnCallMediaStateParam: ...

class OnCallTransferStatusParam:
    statusCode: int

class SipRxData:
    wholeMsg: str

class OnIncomingCallParam:
    callId: int
    rdata: SipRxData

class OnRegStateParam:
    code: int

class SipHeader:
    hName: str
    hValue: str

class SipTxOption:
    headers: list[SipHeader]

class CallSetting:
    flag: int

class CallOpParam:
    statusCode: int
    txOption: SipTxOption
    opt: CallSetting
    def __init__(self, useDefaultCallSetting: bool = ...) -> None: ...

class CallSendDtmfParam:
    method: int
    digits: str
    duration: int

class AudioMedia:
    def startTransmit(self, sink: AudioMedia) -> None: ...

class AudioMediaRecorder(AudioMedia):
    def createRecorder(self, file_name: str) -> None: ...

class ToneDesc:
    freq1: int
    freq2: int
    on_msec: int
    off_msec: int
    volume: int

class ToneDescVector(list[ToneDesc]): ...

class ToneGenerator(AudioMedia):
    def createToneGenerator(self, clock_rate: int, channel_count: int) -> None: ...
    def play(self, tones: ToneDescVector, loop: bool) -> None: ...

class CallMediaInfo:
    index: int
    type: int
    status: int

class MediaTransportInfo:
    localRtpName: str

class CallInfo:
    state: int
    stateText: str
    lastStatusCode: int
    lastReason: str
    media: list[CallMediaInfo]

class Call:
    def __init__(self, acc: Account, call_id: int = ...) -> None: ...
    def getInfo(self) -> CallInfo: ...
    def getAudioMedia(self, med_idx: int) -> AudioMedia: ...
    def getMedTransportInfo(self, med_idx: int) -> MediaTransportInfo: ...
    def makeCall(self, dst_uri: str, prm: CallOpParam) -> None: ...
    def answer(self, prm: CallOpParam) -> None: ...
    def hangup(self, prm: CallOpParam) -> None: ...
    def setHold(self, prm: CallOpParam) -> None: ...
    def reinvite(self, prm: CallOpParam) -> None: ...
    def xfer(self, dest: str, prm: CallOpParam) -> None: ...
    def xferReplaces(self, dest_call: Call, prm: CallOpParam) -> None: ...
    def sendDtmf(self, param: CallSendDtmfParam) -> None: ...
    def onCallState(self, prm: OnCallStateParam) -> None: ...
    def onCallMediaState(self, prm: OnCallMediaStateParam) -> None: ...
    def onCallTransferStatus(self, prm: OnCallTransferStatusParam) -> None: ...

class AccountRegConfig:
    registrarUri: str
    timeoutSec: int

class AccountCallConfig:
    timerUse: int

class TransportConfig:
    boundAddress: str
    port: int
    portRange: int

class AccountMediaConfig:
    transportConfig: TransportConfig
    lockCodecEnabled: bool

class AccountConfig:
    idUri: str
    regConfig: AccountRegConfig
    callConfig: AccountCallConfig
    mediaConfig: AccountMediaConfig

class AccountInfo:
    regIsActive: bool

class Account:
    def create(self, cfg: AccountConfig) -> None: ...
    def getInfo(self) -> AccountInfo: ...
    def setRegistration(self, renew: bool) -> None: ...
    def onIncomingCall(self, prm: OnIncomingCallParam) -> None: ...
    def onRegState(self, prm: OnRegStateParam) -> None: ...

class UaConfig:
    threadCnt: int
    maxCalls: int
    userAgent: str

class LogConfig:
    consoleLevel: int
    level: int
    filename: str

class MediaConfig:
    clockRate: int
    sndClockRate: int
    noVad: bool
    ecTailLen: int

class EpConfig:
    uaConfig: UaConfig
    logConfig: LogConfig
    medConfig: MediaConfig

class AudDevManager:
    def setNullDev(self) -> None: ...

class CodecInfo:
    codecId: str

class Endpoint:
    def libCreate(self) -> None: ...
    def libInit(self, prmEpConfig: EpConfig) -> None: ...
    def libStart(self) -> None: ...
    def libHandleEvents(self, msec_timeout: int) -> int: ...
    def transportCreate(self, type: int, cfg: TransportConfig) -> int: ...
    def audDevManager(self) -> AudDevManager: ...
    def codecEnum2(self) -> list[CodecInfo]: ...
    def codecSetPriority(self, codec_id: str, priority: int) -> None: ...
