/** What guessers try first: the common lists' longer entries, keyboard walks, years, and the words of this trade. */
export const weakPasswords = `
  password passw0rd passwort passwords password123 password1234 password12345 motdepasse contrasena senha kennwort
  parola 12345678 123456789 1234567890 12345678910 0123456789 0987654321 87654321 987654321 9876543210 123123123
  1234512345 11223344 1122334455 112233445566 123454321 123321123 12341234 123412341234 1234abcd 12344321 12345679
  123456781 1234567891 123456789a 1a2b3c4d 1a2b3c4d5e 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc
  1qazxsw2 1qaz1qaz 2wsx3edc 3edc4rfv 1q2w3e 147258369 147852369 159357456 159753456 14789632 147896325 123654789
  123698745 102030405060 10203040 11111111 111111111 1111111111 00000000 000000000 0000000000 22222222 33333333
  44444444 55555555 66666666 77777777 88888888 99999999 12121212 13131313 21212121 23232323 10101010 01010101
  69696969 101010101 123456123456 123456654321 qwertyui qwertyuio qwertyuiop qwerty123 qwerty1234 qwerty12345
  qwerty123456 qwertyqwerty qwerty12 qwerasdf qwer1234 qwerty11 qweasdzxc qweasd123 qazwsxedc qazwsx123 qwe123qwe
  qwertz123 qwertzui qwertzuiop azertyui azertyuiop azerty123 asdfghjk asdfghjkl asdf1234 asdfasdf asdfqwer
  asdasdasd asd123asd zxcvbnm1 zxcvbnm123 zxcvbnmz zxcvasdf zaq12wsx zaq1zaq1 zaq1xsw2 poiuytrewq lkjhgfdsa
  mnbvcxz1 q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qaz123wsx abcd1234 abc12345 abcd12345 abcdefgh abcdefghi abcdefghij
  abcdef123 abcabcabc a1b2c3d4 a1b2c3d4e5 aa123456 aaaaaaaa aa12345678 a12345678 a123456789 abc123456 abc123abc
  aabbccdd administrator admin123 admin1234 admin12345 admin123456 adminadmin admin admin@123 adminpass
  adminpassword admin2024 admin2025 admin2026 rootroot root1234 rootpass rootpassword superuser supervisor
  operator operator1 userpass user1234 username user12345 guestguest guest1234 changeme changeme1 changeme123
  changeit letmein1 letmein123 letmeinnow welcome1 welcome12 welcome123 welcome1234 default1 default123
  defaultpassword testtest test1234 test12345 testing1 testing123 tester123 temporary temp1234 demo1234 demodemo
  demo12345 patchbay patchbay1 patchbay123 patchbaypatchbay mosquitto mosquitto1 mqttmqtt mqtt1234 mqttuser
  publicpublic public123 raspberry raspberrypi raspberry1 raspbian arduino1 esp32esp32 esp8266esp homeassistant
  openhab1 nodered1 thingsboard tenant123 sysadmin sysadmin1 emqxpublic iloveyou iloveyou1 iloveyou2 iloveyou12
  iloveyou123 iloveu123 iloveyouu lovelove loveyou1 loveme123 iloveme1 sunshine sunshine1 princess princess1
  princesa football football1 baseball baseball1 basketball superman superman1 batman123 spiderman spiderman1
  starwars starwars1 dragon123 dragon12 monkey123 monkey12 master123 shadow123 michael1 jennifer jordan23 jessica1
  charlie1 ashley123 michelle nicole123 daniel123 andrew123 anthony1 jonathan benjamin samantha elizabeth
  christian christopher alexander alexandra alexandre victoria isabella gabriela stephanie trustno1 whatever
  whatever1 computer computer1 internet internet1 samsung1 samsung123 google123 facebook facebook1 linkedin
  myspace1 microsoft windows1 windows10 pokemon1 pokemon123 pokemon12 minecraft fortnite123 naruto123 chocolate
  chocolate1 butterfly butterfly1 beautiful beautiful1 cheese123 cookie123 liverpool liverpool1 chelsea1 arsenal1
  arsenal123 barcelona realmadrid juventus1 manchester manutd123 steelers cowboys1 yankees1 lakers24 redsox123
  corvette mustang1 mercedes1 ferrari1 porsche911 harley123 yamaha123 kawasaki november december september
  february october1 january1 summer123 summer2024 summer2025 summer2026 winter123 winter2024 winter2025 winter2026
  spring2024 spring2025 spring2026 autumn2024 autumn2025 autumn2026 monday123 friday123 blink182 slipknot
  metallica metallica1 nirvana1 guitar123 eminem123 50cent123 hello123 hello1234 hellohello helloworld hello12345
  goodluck fuckyou1 fuckyou123 fuckoff1 fuckyou2 asshole1 bullshit hacker123 hacked123 secret123 secretsecret
  topsecret mysecret private1 security security1 access14 access123 freedom1 freedom123 forever1 forever21
  friends1 friendship familyfamily family123 mother123 father123 brother1 sister123 babygirl babygirl1 babyboy1
  sweetheart honey123 lovely123 angel123 angels123 jesus123 jesuschrist godisgood blessed1 heaven123 spirit123
  matrix123 phoenix1 eagle123 tigger123 tiger123 panther1 lion1234 wolf1234 falcon123 elephant dolphin1 dolphins
  penguin1 cheetah1 snoopy123 mickey123 minnie123 scooby123 garfield1 simpsons pikachu1 donald123 trump2024
  america1 canada123 australia germany1 deutschland england1 france123 frankreich schweiz1 austria1 brasil123
  mexico123 india123 pakistan china123 zhongguo woaini520 woaini1314 5201314520 1314520520 woaini123 nihao123
  wang1234 zhang123 li123456 7758521521 diamond1 platinum goldfish gold1234 silver123 purple123 orange123
  yellow123 green123 black123 white123 blue1234 rainbow1 rainbow123 flower123 flowers1 jasmine1 rosebud1 sunflower
  summertime snowball snowflake thunder1 lightning midnight moonlight starlight q1q1q1q1 w1w1w1w1 p@ssw0rd
  p@ssword pa55word pass1234 pass12345 passpass passport passcode mypassword mypass123 newpassword newpass1
  newpass123 oldpassword thepassword nopassword password! p4ssword p4ssw0rd 1password yourpassword ourpassword
  passwordpassword xxxxxxxx zzzzzzzz qqqqqqqq wwwwwwww aaaaaaaaa a1a1a1a1 abababab lalalala blahblah blahblah1
  hahahaha nananana killer123 ninja123 pirate123 wizard123 warcraft starcraft counterstrike overwatch
  leagueoflegends callofduty playstation xbox3600 nintendo gameover player123 gamer123
`
