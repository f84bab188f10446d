/** Words that guessers put digits and signs around: names, places, teams, what people love, and the words of this trade. */
export const weakWords = `
  password passwort passwd pass word passe kennwort parola senha contrasena motdepasse secret geheim admin administrator root user guest test
  tester testing demo temp login logon letmein welcome willkommen bienvenue changeme change default master super superuser supervisor operator
  system sysadmin manager service support server client public private security secure access hello hallo hola bonjour ciao hi goodbye
  patchbay mqtt mosquitto broker device sensor gateway iot edge raspberry raspbian arduino esp esp32 home homeassistant openhab nodered
  thingsboard tenant emqx kafka influx mongo mongodb mysql postgres postgresql oracle sqlserver redis docker kubernetes linux ubuntu debian
  windows microsoft apple macbook iphone ipad android samsung galaxy nokia sony huawei xiaomi google gmail yahoo hotmail facebook instagram
  twitter youtube netflix amazon ebay paypal linkedin myspace skype whatsapp spotify github internet computer laptop network router wifi
  wireless modem cisco netgear linksys zyxel dlink tplink ubiquiti siemens schneider bosch honeywell modbus scada factory plant boiler
  qwerty qwertz azerty asdf asdfgh zxcv zxcvbn zxcvbnm qazwsx abc abcd abcde abcdef alphabet
  love iloveyou loveyou iloveu loveme lover lovely loves forever always together kiss kisses heart hearts sweet sweetheart sweety honey
  baby babygirl babyboy babe angel angels darling princess princesa prince king queen queenie lady girl girls boy boys woman man men
  mother father mom mommy mum mummy dad daddy papa mama sister brother family friend friends bestfriend grandma grandpa uncle aunt
  jesus christ jesuschrist god godisgood bible faith hope grace blessed heaven hell devil satan demon lucifer church holy spirit pray allah
  monkey dragon tiger lion eagle falcon hawk wolf wolves bear bears panther cougar jaguar cheetah leopard elephant dolphin dolphins shark
  whale fish fishing goldfish cat cats kitty kitten dog dogs doggy puppy horse horses pony cow pig piggy chicken rooster duck rabbit bunny
  mouse rat snake spider scorpion turtle frog butterfly bumblebee ladybug peacock penguin parrot raven owl phoenix unicorn dinosaur
  apple banana orange lemon cherry peach strawberry mango melon cookie cookies candy chocolate cheese pizza burger pepper peanut coffee
  whiskey vodka tequila budweiser heineken corona beer wine sugar honeybee muffin pancake cupcake cherrypie pumpkin potato tomato
  red blue green yellow orange purple pink black white silver gold golden brown grey gray violet scarlet crimson rainbow sunshine sunset
  sunrise sunflower sun moon moonlight midnight star stars starlight stardust sky skyline cloud thunder lightning storm rain snow snowball
  snowflake snowman ice fire flame water ocean river lake sea beach island mountain forest garden flower flowers rose roses rosebud lily
  daisy jasmine violet lotus orchid tulip willow diamond crystal emerald ruby pearl jade amber platinum money dollar cash rich million
  january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday
  sunday spring summer autumn fall winter januar februar maerz juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag
  sonntag fruehling sommer herbst enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes
  miercoles jueves viernes sabado domingo verano invierno janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre
  lundi mardi mercredi jeudi vendredi samedi dimanche printemps ete hiver christmas xmas halloween easter valentine birthday holiday newyear
  football soccer baseball basketball hockey tennis golf golfer cricket rugby volleyball boxing wrestling racing runner running skater skate
  surfer surfing snowboard sports player gamer coach champion winner victory liverpool chelsea arsenal manchester manutd everton barcelona
  barca realmadrid madrid juventus milan intermilan bayern borussia dortmund schalke celtic rangers ajax psv porto benfica flamengo corinthians
  palmeiras santos boca steelers cowboys yankees lakers redsox packers patriots raiders broncos eagles giants dolphins jets falcons saints
  colts ravens bengals redskins chargers cubs bulls celtics knicks spurs pistons warriors braves dodgers mets phillies tigers gators
  longhorns sooners buckeyes wolverines ronaldo messi neymar beckham zidane ronaldinho jordan kobe lebron tyson schumacher senna
  mustang corvette camaro ferrari porsche mercedes bmw audi toyota honda yamaha kawasaki suzuki ducati harley harleydavidson nissan chevy
  chevrolet ford jeep dodge lexus subaru volvo volkswagen golf jaguar bentley rollsroyce lamborghini racecar truck trucker motor biker
  superman batman spiderman ironman hulk thor wolverine deadpool joker catwoman flash avengers marvel starwars startrek darthvader vader
  skywalker yoda jedi sith matrix neo trinity morpheus terminator predator alien rocky rambo bond gandalf frodo bilbo hobbit legolas
  harrypotter potter hermione hogwarts gryffindor twilight simpsons homer bart southpark cartman garfield snoopy mickey mickeymouse minnie
  donald goofy pluto tigger winnie eeyore scooby scoobydoo popeye pokemon pikachu charizard naruto sasuke goku dragonball zelda mario luigi
  sonic minecraft fortnite roblox warcraft starcraft overwatch counterstrike callofduty halo destiny diablo doom quake steam xbox playstation
  nintendo gameboy gamecube metallica nirvana slipknot linkinpark greenday acdc beatles pinkfloyd ledzeppelin eminem tupac snoop rihanna
  beyonce madonna britney shakira bieber metal rocknroll rock music guitar drummer drums piano bass singer dancer dancing dance hiphop
  killer hunter ninja pirate samurai warrior soldier marine navy army airforce sniper shooter gangster thug hacker cracker wizard merlin
  magic shadow ghost vampire werewolf zombie monster beast maverick renegade rebel outlaw cowboy cowgirl indian apache chief captain
  general major colonel sergeant doctor nurse teacher student school college university police fireman pilot lawyer engineer
  freedom liberty justice peace victory power strong energy force mission danger trouble crazy lucky happy smile sunny funny silly stupid
  loser idiot dummy nothing nobody nobody whatever nevermind trustno trustnoone blahblah blah lala lalala haha hahaha yes no maybe please
  thankyou thanks sorry goodluck lucky number one two three four five six seven eight nine ten first last never ever again
  fuck fucker fucking fuckyou fuckoff fuckme shit bullshit asshole bitch bastard dick cock pussy tits boobs sex sexy sexygirl hot hottie
  porn playboy penis vagina nude naked horny slut whore
  james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew
  joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott
  brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter
  kyle walter ethan jeremy harold keith christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe jordan
  billy bruce albert willie gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah louis bobby philip johnny bradley
  martin max simon stefan andreas thomas michael markus juergen klaus hans peter wolfgang sebastian tobias florian lukas felix leon jonas
  maximilian alex alexis sasha dima ivan sergey andrey alexey vladimir dmitry nikita maxim pavel igor oleg pierre jean michel philippe
  nicolas julien antoine marco luca matteo francesco giuseppe antonio giovanni andrea alessandro carlos jorge luis miguel pedro pablo diego
  fernando rafael ricardo eduardo javier manuel alejandro roberto mario oscar victor hugo bruno lucas mateus gustavo leonardo rodrigo
  mohammed muhammad ahmed ali omar hassan hussein ibrahim abdullah khan singh kumar raj rahul amit krishna ganesh sanjay vijay
  mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty margaret sandra ashley kimberly emily donna
  michelle carol amanda dorothy melissa deborah stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna brenda pamela emma
  nicole helen samantha katherine christine debra rachel carolyn janet catherine maria heather diane ruth julie olivia joyce virginia
  victoria kelly lauren christina joan evelyn judith megan andrea cheryl hannah jacqueline martha gloria teresa ann sara madison frances
  kathryn janice jean abigail alice julia judy sophia grace denise amber doris marilyn danielle beverly isabella theresa diana natalie
  brittany charlotte marie kayla alexis lori jenny jasmine tiffany vanessa monica veronica melanie claudia sabrina sabine petra ursula
  katrin birgit monika anja nadine jana lena lea mia leonie marina natasha irina svetlana olga tatiana elena ekaterina anastasia yulia
  chantal sophie camille chloe manon celine isabelle nathalie giulia chiara francesca martina valentina alessandra carmen lucia rosa
  gabriela fernanda juliana camila mariana carolina daniela paola adriana fatima aisha mariam priya pooja neha lakshmi
  smith johnson williams jones brown davis miller wilson moore taylor anderson jackson white harris martin thompson garcia martinez
  robinson clark rodriguez lewis lee walker hall allen young hernandez wright lopez hill scott adams baker gonzalez nelson carter mitchell
  perez roberts turner phillips campbell parker evans edwards collins stewart sanchez morris rogers reed cook morgan bell murphy bailey
  rivera cooper richardson cox howard ward torres peterson gray ramirez watson brooks sanders price bennett wood barnes ross henderson
  mueller schmidt schneider fischer weber meyer wagner becker hoffmann wang zhang liu chen yang huang zhao zhou nguyen tran kim park
  america usa canada mexico brasil brazil argentina chile colombia peru england london britain scotland ireland dublin wales france paris
  germany deutschland berlin hamburg muenchen munich austria wien vienna schweiz switzerland zurich italy italia roma milano napoli spain
  espana portugal lisboa holland nederland amsterdam belgium sweden norway denmark finland poland polska russia moscow ukraine kiev turkey
  turkiye istanbul ankara galatasaray fenerbahce besiktas greece athens egypt cairo israel africa nigeria lagos india delhi mumbai pakistan
  karachi china beijing shanghai hongkong taiwan japan tokyo korea seoul thailand vietnam indonesia jakarta malaysia singapore philippines
  manila australia sydney melbourne newzealand newyork losangeles california texas houston dallas austin florida miami orlando chicago
  boston seattle denver phoenix arizona vegas lasvegas detroit atlanta georgia alabama carolina virginia tennessee hawaii alaska brooklyn
  philadelphia pittsburgh cleveland earth world planet space apollo nasa galaxy universe
  woaini aini nihao zhongguo laopo laogong baobao mima
  aardvark adventure airplane airborne alien alpha beta gamma delta omega ambition amazing anaconda ancient animal answer apocalypse aquarius
  aries taurus gemini cancer leo virgo libra sagittarius capricorn pisces archer armageddon artist assassin astronaut atlantis avalanche
  avatar awesome babydoll backdoor badboy badgirl bigboy bigdaddy bigfoot biggirl billybob bird birdie birds birthday blackbird blackcat
  blackdog blackhawk blackjack blizzard blondie blossom bluebird blueeyes bluemoon blues boat bobcat bollocks bomber boogie boomer boots
  brave bread bright broker brooklyn bubba bubbles buddha buddy buffalo bulldog bulldogs bullet bullseye burger business butthead button
  cadillac california camel camera candle captain caravan cardinal cardinals carpenter castle cavalier cello challenge chance change chaos
  cherokee chester chocolate chopper cinderella cinnamon circus classic clever clown cobra cocacola coconut comet commander commando compass
  concrete connect cooper copper cosmos country courage coyote cradle creative creator cricket cristal crocodile cross crusader cyclone
  darkness darkside darkstar dawn daylight deadhead death december defender delight design designer desire destiny deuce diamonds digital
  director discover discovery dodgers domino donkey door dragonfly dragons dream dreamer dreams drpepper dude dynamite einstein electric
  electro element emerald emotion emperor empire energy enigma enterprise entropy eternal eternity europe evergreen evil evolution excalibur
  excellent explorer express extreme fantasia fantasy farmer fashion father fender fighter firebird fireball firefly fireman firefox first
  flamingo flash flipper flying fortune foxy frankie freak freckles fred freddy free freepass friday frog frosty fruit fusion future galaxy
  gambler garage genesis genius gentle geronimo giant ginger glory goblin godfather godzilla gold goldeneye goldfinger golfball good goodboy
  goodgirl gorilla grandprix grapes gravity green greenbay griffin guardian guess guinness gunner gypsy hammer handsome hannibal happiness
  hardcore hardrock harmony heart heather hedgehog hellfire hello hercules heritage heroes highland highlander hiking holiday hollywood honey
  hornet hotdog hotrod hotshot hotstuff house hummer hunter hurricane icecream icehouse ihateyou image imagine immortal impala infinity
  infiniti inferno insane insanity inside integra intruder invincible iron ironhorse ironman island jackass jackson jaguars january jericho
  jester jewel joker journey juggernaut jungle jupiter juniper justdoit kangaroo karate keyboard killer kingdom kingfish kingkong kingston
  kitkat kittens knight knights kodiak koala labrador lacrosse ladybird lancelot lancer laser legend legends lemonade liberty lifetime
  light lightning lionheart lionking little lizard lobster logitech lollipop london lonely lonestar lonewolf longhorn lovelife lovesong
  loverboy lovers lowrider lucifer luckydog machine macintosh madness mafia magnum mailman majestic mamamia marathon marble mariners
  marines marlboro marshall martini mastermind matador maximum maximus mayhem meatball mechanic medical megadeth memory mercury mermaid
  messenger meteor miami midnight military millennium million mirage miracle mistress mobile molly money mongoose monopoly monster moonbeam
  morning mortal mother motorola mountain mushroom musicman mustangs mystery mystic mythical napoleon nascar natural nature nebraska
  necklace neptune network nevada newlife newport nightmare nighthawk nightwish nightwolf noodle north notebook nothing nuclear number
  oblivion october odyssey offspring oldman olympus online opera optimus oranges original orion outback overlord oxford oxygen pacific
  packard panasonic pandora pantera panthers paradise paradox passion passwort pavilion peaches peanut peanuts pearljam pebbles pegasus
  pentium pepsi perfect personal peterpan philips phantom photo pickle picture pigeon pinball pineapple pinky pioneer pirates pistol
  playtime please pleasure plumber pluto plymouth popcorn poohbear porkchop poseidon postman power powers precious president presario
  prestige pretty primetime prince private problem prodigy professor profit project promise prophet prosper protect psycho puppies
  purpledragon pumpkins punisher punkrock puzzle pyramid python quality quantum quarter question quest quick radical radio rage raider
  railroad rainbows raistlin rambo rammstein ranger rapper raptor rascal realtor reason rebels redalert redbull redbaron reddog redhead
  redneck redrum redrose redwings redwood reload remember remote republic rescue research restless retard return reunion revenge revolver
  reynolds rhythm rhino riddle rightnow ripper roadkill roadrunner roadster robin robot robotech rocker rocket rockets rockstar rolltide
  romance romantic romeo rooster rootbeer royal rugby runner russia saber sabotage safari safety sailing sailor saint salmon salvation
  samson sandman sandwich sapphire saturn savage scarface schnitzel science scooter scorpio scotty scruffy seahawks season seattle sebring
  sentinel serenity sergeant shadows shamrock shelter shepherd sheriff sherlock shiloh shining shithead shocker shooter shorty showtime
  shotgun silence simple sinner skater skeeter skeleton skittles skywalker slacker slapshot slayer sleepy slick slider smokey smooth
  smoothie snapper snickers snowboarder socrates software solomon solution something sommer songbird soulmate soul sound southern southside
  spanky spartan spartans special spectrum speed speedy spencer spike spirits spitfire splash splinter spooky squirrel stallion standard
  stanley stargate starship starter station stealth steel stella sterling stinger stingray stinky stocking stone stonecold stormy stranger
  strike striker student studio subway success sugarfree summit sundance sunday sundown sunlight superfly supergirl superstar surfer surprise
  survivor sweetpea sweetness sweetie swimmer swimming swordfish symphony syndrome syracuse tacobell tango tarheels tattoo tazmania
  technics temple tennis texas thanks theboss theman theone thirteen thisisme thrasher thunderbird thursday tiffany timber time tinker
  tinkerbell titan titanic titans tobacco together tomcat tommy tornado toronto toyota tractor tracker trance transam transformer travel
  traveler treasure trinity tristan triumph trombone tropical trouble truelove trumpet truth tucker turbo turkey twister tyrant ultimate
  ultima umbrella undead underdog undertaker unique united universal universe unknown utopia vacation valhalla valkyrie vampires vanilla
  vanhalen velocity velvet venture venus vermont verbatim veteran victor viking vikings vintage viper virus vision vista vortex voyager
  vulcan waffle walker wanderer wanted warhammer warlock warrior warriors waterloo watermelon waterfall webmaster wedding weekend welcome
  western westside wheels whiteboy whiteout wicked wildcat wildcats wildfire william window windsurf wingman winston winter winners wisdom
  wolfgang wolfpack wonder wonderful woodland woody world wormwood wrangler wrench writer xanadu xavier xfiles yankee yellowstone yosemite
  young yourself youth yvonne zander zebra zenith zephyr zeppelin zeus zipper zodiac zombie
`

/** The same of people who write Russian, by the keys of a Latin keyboard: приветик is typed ghbdtnbr. */
const russianWords = `
  пароль привет приветик любовь люблю солнце солнышко зайка котик котенок кошка собака наташа наталья катя катерина екатерина марина ирина
  светлана оксана татьяна ольга елена леночка юлия юлечка анастасия настя настенька кристина виктория вика алина полина дарья дашка дашенька
  максим максимка сергей андрей алексей александр александра саша дима дмитрий никита владимир вова виталий евгений евгения иван михаил
  николай денис роман руслан артем игорь олег павел кирилл антон спартак динамо зенит локомотив россия москва украина киев харьков
  мамочка мама папа самара ростов любимая любимый принцесса ангел ангелочек бабочка вишенка клубника черепаха паровоз компьютер интернет
  администратор йцукен фывапролд ячсмить
`
const russianKeys = 'йцукенгшщзхъфывапролджэячсмитьбю'
const latinKeys = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
/** As they are typed. */
export const mistypedWords = russianWords.replaceAll(/[а-я]/g, (key) => latinKeys.charAt(russianKeys.indexOf(key)))
